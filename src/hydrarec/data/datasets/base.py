"""Base classes of datasets: description, files, and loading into Interactions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import DataError
from hydrarec.core.files import sha256_of
from hydrarec.core.kinds import Count, FolderName
from hydrarec.data.cache import cached
from hydrarec.data.interactions import Duplicates, Interactions, interactions_of
from hydrarec.data.readers.faults import Rules
from hydrarec.data.readers.movielens import Reader, UData
from hydrarec.data.sources.archive import Archive
from hydrarec.data.table import TEST, TRAIN, ItemTexts, RatingTable, Scale, joined


@dataclass(frozen=True, kw_only=True)
class About:
    """Metadata of a dataset for readers of results: address, licence and citation."""

    homepage: str | None
    licence: str | None
    citation: str | None


@dataclass(frozen=True, kw_only=True)
class Counts:
    """The expected size of a dataset; None: unknown or variable. Only users and items with ratings count."""

    ratings: Count | None
    users: Count | None
    items: Count | None

    def judge(self, interactions: Interactions, file: Path) -> None:
        """Compare the size of the interactions, read from ``file``, with the expected one.

        Raises:
            DataError: a count differs.
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
    """Base of all datasets; by default without official folds or candidates."""

    name: str

    def unused_times(self) -> list[str]:
        """The columns that are not used although their names are usual for times; published datasets use theirs."""
        return []

    def official_fold(self, fold: int) -> NDArray[np.int8]:
        """The part of each interaction in an official fold: int8 [N], ``TRAIN`` or ``TEST``.

        Raises:
            DataError: the dataset has no official folds, or no such fold.
        """
        expected, fix = "dataset=ml-100k, which has five", "split.official=false, for folds of our own"
        raise DataError(f"{self.name} has no official folds", expected=expected, fix=fix)

    def candidates(self) -> tuple[NDArray[np.int64], NDArray[np.int32]] | None:
        """The authors' candidates for each test item: rows of the interactions, int64 [T], and items, int32 [T, C]."""
        return None


class FileDataset(Dataset):
    """A dataset that is read from files and cached.

    Args:
        name, about, expected: as for :class:`Ratings`.
        rules: validation rules for the files.
        duplicates: which of several ratings of a pair to keep.
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
        """The interactions of ``files``, from the cache or by ``read`` and ``texts``; ``options`` affect both."""

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
        name: name of the dataset and of its folder.
        about: address, licence, citation.
        archive: source of the files.
        reader: reader of the files.
        expected: expected counts; not checked if bad rows are dropped.
        scale: rating scale.
        ratings_sha256: digest of the ratings file, if it is to be checked.
        on_bad_rows: ``error``, or ``drop`` the rows that cannot be read.
        duplicates: which of several ratings of a pair to keep.
    """

    def __init__(
        self,
        *,
        name: FolderName,
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
        """Load the ratings, from the cache if possible.

        Raises:
            DataError: the files cannot be fetched or read, or differ from what is expected.
            EnvironmentFault: a network, disk or permission failure.
        """
        folder, reader = self._folder(), self.reader

        def read() -> RatingTable:
            self._require_digest(reader.sources(folder)[0])
            return reader.ratings(folder, self.rules)

        options = [type(reader).__name__, reader.settings, self.ratings_sha256]
        return self.load_files(reader.sources(folder), options, read, lambda: reader.texts(folder))

    def official_fold(self, fold: int) -> NDArray[np.int8]:
        """As in :meth:`Dataset.official_fold`; the copy that was found may lack the folds."""
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
