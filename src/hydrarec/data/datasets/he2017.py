"""The MovieLens 1M split of He et al. (2017), with its fixed negatives."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import DataError
from hydrarec.core.kinds import FolderName
from hydrarec.data.datasets.base import About, Counts, FileDataset
from hydrarec.data.interactions import Interactions
from hydrarec.data.readers.delimited import read_delimited
from hydrarec.data.readers.faults import Rules
from hydrarec.data.readers.given_candidates import read_negatives
from hydrarec.data.readers.movielens import headerless
from hydrarec.data.sources.archive import Archive
from hydrarec.data.sources.base import RequiredFiles
from hydrarec.data.table import TEST, TRAIN, RatingTable, Scale, joined


class He2017Ratings(FileDataset):
    """Ratings as split by the authors: each user's latest rating is the test part, with 99 fixed negatives.

    Args:
        name, about, archive, expected, scale, on_bad_rows: as for :class:`~hydrarec.data.datasets.base.Ratings`.
        stem: common stem of the three file names in the archive.
        path: path and stem of a local copy, ``folder/ml-1m`` for ``folder/ml-1m.train.rating`` and so on; None: use
            the archive.
    """

    def __init__(
        self,
        *,
        name: FolderName,
        about: About,
        archive: Archive,
        stem: str,
        path: str | None,
        expected: Counts,
        scale: Scale,
        on_bad_rows: Literal["error", "drop"],
    ) -> None:
        super().__init__(name, about, expected, Rules(scale=scale, ids="integer", on_bad_rows=on_bad_rows))
        self.archive = archive
        self.path = None if path is None else Path(path).expanduser().absolute()
        self.stem = stem if self.path is None else self.path.name

    def load(self) -> Interactions:
        """Load all ratings; their ``part`` is training or test.

        Raises:
            DataError, EnvironmentFault: as :meth:`hydrarec.data.datasets.base.Ratings.load`.
        """
        train, test, _ = self._files()

        def read() -> RatingTable:
            return joined([read_delimited(file, headerless("\t"), self.rules) for file in (train, test)], [TRAIN, TEST])

        return self.load_files([train, test], [], read)

    def candidates(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Rows of the test pairs in the loaded interactions, int64 [T], and their negatives, int32 [T, 99].

        Raises:
            DataError: a pair is not a test rating, or an item has no ratings.
        """
        interactions = self.load()
        train, test, file = self._files()
        fix = "fetch the three files again, all of one release"
        pairs, negatives = read_negatives(file)
        users = interactions.user_ids.indices_of(pairs[:, 0])
        rows = interactions.rows_of(users, interactions.item_ids.indices_of(pairs[:, 1]))
        if (rows < 0).any():
            user, item = pairs[np.flatnonzero(rows < 0)[0]].tolist()
            what = f"the test pair ({user},{item}) of the negatives has no rating"
            raise DataError(what, expected=f"a pair of {test.name}", fix=fix, file=file)
        try:
            candidates = interactions.item_ids.indices_of(negatives.ravel())
        except DataError as error:
            what, expected = f"a candidate of the negatives has no rating: {error.what}", f"items of {train.name}"
            raise DataError(
                what, expected=f"{expected} or {test.name}", fix=fix, file=file, value=error.value
            ) from error
        return rows, candidates.reshape(negatives.shape)

    def _files(self) -> list[Path]:
        """The files of training ratings, test ratings and negatives."""
        names = [f"{self.stem}.{kind}" for kind in ("train.rating", "test.rating", "test.negative")]
        required = RequiredFiles(alternatives=[names], files=names)
        folder = self.archive.folder(self.name, required) if self.path is None else self.path.parent
        if missing := required.missing_in(folder):
            raise DataError(
                f"no {', '.join(missing)} in {folder}",
                expected="the common beginning of the three files' names",
                fix="dataset.path=FOLDER/ml-1m, for FOLDER/ml-1m.train.rating and its companions",
                value=str(self.path),
            )
        return [folder / name for name in names]
