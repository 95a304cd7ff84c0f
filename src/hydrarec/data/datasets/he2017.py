"""The MovieLens 1M split of He et al. (2017), with its fixed negatives."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hydrarec.core.errors import DataError
from hydrarec.data.cache import cached
from hydrarec.data.datasets.base import About, Counts, Dataset
from hydrarec.data.interactions import Interactions, interactions_of
from hydrarec.data.readers.delimited import Rules
from hydrarec.data.readers.given_candidates import read_negatives, read_parts, wanted_files
from hydrarec.data.sources.archive import Archive
from hydrarec.data.table import Scale


class He2017Ratings(Dataset):
    """Ratings split by their authors: the latest of each user is the test part, with 99 negatives drawn once for all.

    Args:
        name, about, archive, expected, scale, on_bad_rows: as for :class:`~hydrarec.data.datasets.base.Ratings`.
        stem: of the three files' names in the archive.
        path: where a copy lies, ``folder/ml-1m`` for ``folder/ml-1m.train.rating`` and its companions; None: the
            archive's files are taken.
    """

    def __init__(
        self,
        *,
        name: str,
        about: About,
        archive: Archive,
        stem: str,
        path: str | None,
        expected: Counts,
        scale: Scale,
        on_bad_rows: Literal["error", "drop"],
    ) -> None:
        self.name, self.about, self.archive, self.expected = name, about, archive, expected
        self.path = None if path is None else Path(path).expanduser().absolute()
        self.stem = stem if self.path is None else self.path.name
        self._rules = Rules(scale=scale, ids="integer", on_bad_rows=on_bad_rows)

    def load(self) -> Interactions:
        """All ratings; their ``part`` tells training from test.

        Raises:
            DataError, EnvironmentFault: as :meth:`hydrarec.data.datasets.base.Ratings.load`.
        """
        folder = self._folder()
        options = [type(self).__name__, str(self._rules), str(self.expected)]

        def read() -> Interactions:
            table = read_parts(folder, self.stem, self._rules)
            found = interactions_of(table, name=self.name, scale=self._rules.scale, duplicates="error", texts=None)
            self.expected.judge(found, folder)
            return found

        return cached(self.name, options, [folder / file for file in wanted_files(self.stem).files[:2]], read)

    def candidates(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Rows of the test pairs in :meth:`load`'s interactions, int64 [T], and item indices of each, int32 [T, 99].

        Raises:
            DataError: a pair is not among the test ratings, or an item has no rating at all.
        """
        interactions = self.load()
        folder = self._folder()
        pairs, negatives = read_negatives(folder, self.stem)
        users = interactions.user_ids.indices_of(pairs[:, 0])
        rows = interactions.rows_of(users, interactions.item_ids.indices_of(pairs[:, 1]))
        if (rows < 0).any():
            user, item = pairs[np.flatnonzero(rows < 0)[0]].tolist()
            raise DataError(
                f"the test pair ({user},{item}) of the negatives has no rating",
                expected=f"a pair of {self.stem}.test.rating",
                fix="fetch the three files again, all of one release",
                file=folder / f"{self.stem}.test.negative",
            )
        try:
            candidates = interactions.item_ids.indices_of(negatives.ravel())
        except DataError as error:
            raise DataError(
                f"a candidate of the negatives has no rating: {error.what}",
                expected=f"items of {self.stem}.train.rating or {self.stem}.test.rating",
                fix="fetch the three files again, all of one release",
                file=folder / f"{self.stem}.test.negative",
                value=error.value,
            ) from error
        return rows, candidates.reshape(negatives.shape)

    def _folder(self) -> Path:
        """The folder with the three files."""
        wanted = wanted_files(self.stem)
        if self.path is None:
            return self.archive.folder(self.name, wanted)
        folder = self.path.parent
        if lacking := wanted.missing_in(folder):
            raise DataError(
                f"no {', '.join(lacking)} in {folder}",
                expected="what the names of the three files begin with",
                fix="dataset.path=FOLDER/ml-1m, for FOLDER/ml-1m.train.rating and its companions",
                value=str(self.path),
            )
        return folder
