"""The datasets that a configuration names: what they are, where they come from, and how they become Interactions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import DataError
from hydrarec.core.files import sha256_of
from hydrarec.data.cache import cached
from hydrarec.data.interactions import Interactions, interactions_of
from hydrarec.data.readers.delimited import Rules
from hydrarec.data.readers.movielens import Reader, UData
from hydrarec.data.sources.archive import Archive
from hydrarec.data.table import TEST, TRAIN, Scale, joined


@dataclass(frozen=True, kw_only=True)
class About:
    """What a reader of results must know about a dataset: its address, its licence, and what to cite."""

    homepage: str | None
    licence: str | None
    citation: str | None


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How much a dataset holds; None where it is not known or may vary. Users and items are those with ratings."""

    ratings: int | None
    users: int | None
    items: int | None

    def judge(self, found: Interactions, folder: Path) -> None:
        """Raise unless ``found`` has as much as expected.

        Raises:
            DataError: it has not.
        """
        actual = {"ratings": len(found), "users": found.num_users, "items": found.num_items}
        for what, count in actual.items():
            expected = getattr(self, what)
            if expected is not None and count != expected:
                raise DataError(
                    f"{found.name} has {count:,} {what}",
                    expected=f"{expected:,} {what}",
                    fix=f"fetch it again, or accept another release: dataset.expected.{what}=null",
                    file=folder,
                    value=count,
                )


class Dataset:
    """A dataset that brings neither folds nor candidates of its own, unless it says otherwise."""

    name: str

    def official_fold(self, fold: int) -> NDArray[np.int8]:
        """Raise: there are none.

        Raises:
            DataError: always.
        """
        raise no_official_folds(self.name)

    def candidates(self) -> tuple[NDArray[np.int64], NDArray[np.int32]] | None:
        """What its authors rank each test item among: rows of the interactions, int64 [T], and items, int32 [T, C]."""
        return None


def no_official_folds(name: str) -> DataError:
    """The error for a dataset without folds of its own."""
    expected, fix = "dataset=ml-100k, which has five", "split.official=false, for folds of our own"
    return DataError(f"{name} has no official folds", expected=expected, fix=fix)


class Ratings(Dataset):
    """A published dataset of ratings.

    Args:
        name: its name, and that of its folder.
        about: address, licence, citation.
        archive: where its files come from.
        reader: how they are read.
        expected: what they must hold.
        scale: the ratings it allows.
        ratings_sha256: the digest of its file of ratings, where that is checked.
        on_bad_rows: ``error``, or ``drop`` the rows that cannot be read.
        duplicates: which rating of a pair counts if there are several.
    """

    def __init__(
        self,
        *,
        name: str,
        about: About,
        archive: Archive,
        reader: Reader,
        expected: Counts,
        scale: Scale,
        ratings_sha256: str | None,
        on_bad_rows: Literal["error", "drop"],
        duplicates: Literal["error", "last", "first", "mean"],
    ) -> None:
        self.name, self.about, self.archive, self.reader, self.expected = name, about, archive, reader, expected
        self.ratings_sha256, self.duplicates = ratings_sha256, duplicates
        self._rules = Rules(scale=scale, ids="integer", on_bad_rows=on_bad_rows)

    def load(self) -> Interactions:
        """The ratings, from the cache if they have been read before.

        Raises:
            DataError: the files cannot be had or read, or are not what is expected.
            EnvironmentFault: network, disk or permission.
        """
        folder = self.archive.folder(self.name, self.reader.wanted)
        reader = [type(self.reader).__name__, vars(self.reader)]
        options = [*reader, str(self._rules), self.duplicates, self.ratings_sha256, str(self.expected)]
        return cached(self.name, options, self.reader.sources(folder), lambda: self._read(folder))

    def official_fold(self, fold: int) -> NDArray[np.int8]:
        """The part of each interaction in one of the dataset's own folds: int8 [N], 0 training, 2 test.

        Raises:
            DataError: the dataset has no official folds, or the copy at hand came without them.
        """
        interactions = self.load()
        if not isinstance(self.reader, UData):
            raise no_official_folds(self.name)
        folder = self.archive.folder(self.name, self.reader.wanted)
        tables = [self.reader.part(folder, fold, part, self._rules) for part in ("base", "test")]
        table = joined(tables, [TRAIN, TEST])
        users = interactions.user_ids.indices_of(table.users)
        rows = interactions.rows_of(users, interactions.item_ids.indices_of(table.items))
        assert table.part is not None
        if (rows < 0).any() or not np.array_equal(np.sort(rows), np.arange(len(interactions))):
            raise DataError(
                f"fold {fold} does not hold each rating of {self.name} once",
                expected=f"{len(interactions):,} ratings in u{fold}.base and u{fold}.test together",
                fix="fetch the files again",
                file=folder,
            )
        parts = np.empty(len(interactions), np.int8)
        parts[rows] = table.part
        return parts

    def _read(self, folder: Path) -> Interactions:
        if self.ratings_sha256 is not None:
            file = self.reader.sources(folder)[0]
            actual = sha256_of(file)
            if actual != self.ratings_sha256:
                raise DataError(
                    f"wrong checksum: SHA-256 {actual}",
                    expected=self.ratings_sha256,
                    fix="fetch this release again, or choose the dataset that it is",
                    file=file,
                )
        found = interactions_of(
            self.reader.ratings(folder, self._rules),
            name=self.name,
            scale=self._rules.scale,
            duplicates=self.duplicates,
            texts=self.reader.texts(folder),
        )
        if self._rules.on_bad_rows == "error":
            self.expected.judge(found, folder)
        return found
