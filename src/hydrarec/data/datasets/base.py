"""The datasets of the configuration: their description, their files, and how they become Interactions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import DataError
from hydrarec.core.files import sha256_of
from hydrarec.data.cache import cached
from hydrarec.data.interactions import Duplicates, Interactions, interactions_of
from hydrarec.data.readers.faults import Rules
from hydrarec.data.readers.movielens import Reader, UData
from hydrarec.data.sources.archive import Archive
from hydrarec.data.table import TEST, TRAIN, ItemTexts, RatingTable, Scale, joined


@dataclass(frozen=True, kw_only=True)
class About:
    """What readers of results need to know about a dataset: its address, its licence, and what to cite."""

    homepage: str | None
    licence: str | None
    citation: str | None


@dataclass(frozen=True, kw_only=True)
class Counts:
    """The size of a dataset; None where it is not known or may vary. Users and items are those with ratings."""

    ratings: int | None
    users: int | None
    items: int | None

    def judge(self, interactions: Interactions, file: Path) -> None:
        """Raise unless the interactions, read from ``file``, are as many as expected.

        Raises:
            DataError: they are not.
        """
        data = interactions
        actual = {"ratings": len(data), "users": data.num_users, "items": data.num_items}
        for what, count in actual.items():
            expected = getattr(self, what)
            if expected is not None and count != expected:
                raise DataError(
                    f"{data.name} has {count:,} {what}",
                    expected=f"{expected:,} {what}",
                    fix=f"fetch it again, or accept another release: dataset.expected.{what}=null",
                    file=file,
                    value=count,
                )


ANY = Counts(ratings=None, users=None, items=None)


class Dataset:
    """A dataset without folds or candidates of its own, unless a method says otherwise."""

    name: str

    def official_fold(self, fold: int) -> NDArray[np.int8]:
        """The part of each interaction in one of the dataset's own folds: int8 [N], ``TRAIN`` or ``TEST``.

        Raises:
            DataError: the dataset has no official folds, or not this one.
        """
        expected, fix = "dataset=ml-100k, which has five", "split.official=false, for folds of our own"
        raise DataError(f"{self.name} has no official folds", expected=expected, fix=fix)

    def candidates(self) -> tuple[NDArray[np.int64], NDArray[np.int32]] | None:
        """The authors' candidates for each test item: rows of the interactions, int64 [T], and items, int32 [T, C]."""
        return None


class FileDataset(Dataset):
    """A dataset that is read from files, and cached.

    Args:
        name, about, expected: as for :class:`Ratings`.
        rules: how strictly the files are read.
        duplicates: which rating of a pair counts if there are several.
    """

    def __init__(
        self, name: str, about: About, expected: Counts, rules: Rules, duplicates: Duplicates = "error"
    ) -> None:
        self.name, self.about, self.expected, self.rules, self.duplicates = name, about, expected, rules, duplicates

    def load_files(
        self,
        files: Sequence[Path],
        options: Sequence[object],
        read: Callable[[], RatingTable],
        texts: Callable[[], ItemTexts | None] = lambda: None,
    ) -> Interactions:
        """The interactions of ``files``, from the cache or by ``read`` and ``texts``; ``options`` are what both depend on."""

        def build() -> Interactions:
            scale = self.rules.scale
            built = interactions_of(read(), name=self.name, scale=scale, duplicates=self.duplicates, texts=texts())
            self.expected.judge(built, files[0])
            return built

        settings = [type(self).__name__, *options, str(self.rules), self.duplicates, str(self.expected)]
        return cached(self.name, settings, files, build)


class Ratings(FileDataset):
    """A published dataset of ratings.

    Args:
        name: its name, and that of its folder.
        about: address, licence, citation.
        archive: where its files come from.
        reader: how they are read.
        expected: how much they must hold, unless bad rows are dropped.
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
        rules = Rules(scale=scale, ids="integer", on_bad_rows=on_bad_rows)
        super().__init__(name, about, expected if on_bad_rows == "error" else ANY, rules, duplicates)
        self.archive, self.reader, self.ratings_sha256 = archive, reader, ratings_sha256

    def load(self) -> Interactions:
        """The ratings, from the cache if they have been read before.

        Raises:
            DataError: the files cannot be fetched or read, or are not as expected.
            EnvironmentFault: network, disk or permission.
        """
        folder, reader = self._folder(), self.reader

        def read() -> RatingTable:
            self._require_digest(reader.sources(folder)[0])
            return reader.ratings(folder, self.rules)

        options = [type(reader).__name__, reader.settings, self.ratings_sha256]
        return self.load_files(reader.sources(folder), options, read, lambda: reader.texts(folder))

    def official_fold(self, fold: int) -> NDArray[np.int8]:
        """As in :meth:`Dataset.official_fold`; the copy that was fetched may come without folds."""
        interactions = self.load()
        if not isinstance(self.reader, UData):
            return super().official_fold(fold)
        folder = self._folder()
        table = joined([self.reader.part(folder, fold, part, self.rules) for part in ("base", "test")], [TRAIN, TEST])
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

    def _folder(self) -> Path:
        return self.archive.folder(self.name, self.reader.required)

    def _require_digest(self, file: Path) -> None:
        if self.ratings_sha256 is None or (actual := sha256_of(file)) == self.ratings_sha256:
            return
        fix = "fetch this release again, or choose the dataset that it is"
        raise DataError(f"wrong checksum: SHA-256 {actual}", expected=self.ratings_sha256, fix=fix, file=file)
