"""The MovieLens 1M split of He et al. (2017), with its fixed negatives."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hydrarec.data.archive import Archive
from hydrarec.data.cache import cached
from hydrarec.data.datasets import About, Counts, WithoutFolds
from hydrarec.data.interactions import Interactions, interactions_of
from hydrarec.data.readers.delimited import Rules
from hydrarec.data.readers.he2017 import read_negatives, read_parts, wanted_files
from hydrarec.data.table import Scale
from hydrarec.errors import DataError


class He2017Ratings(WithoutFolds):
    """Ratings split by their authors: the latest of each user is the test part, with 99 negatives drawn once for all.

    Args:
        name, about, archive, expected, scale, on_bad_rows: as for :class:`~hydrarec.data.datasets.Ratings`.
        stem: of the three files' names.
    """

    def __init__(
        self,
        *,
        name: str,
        about: About,
        archive: Archive,
        stem: str,
        expected: Counts,
        scale: Scale,
        on_bad_rows: Literal["error", "drop"],
    ) -> None:
        self.name, self.about, self.archive, self.stem, self.expected = name, about, archive, stem, expected
        self._rules = Rules(scale=scale, ids="integer", on_bad_rows=on_bad_rows)

    def load(self) -> Interactions:
        """All ratings; their ``part`` tells training from test.

        Raises:
            DataError, EnvironmentFault: as :meth:`hydrarec.data.datasets.Ratings.load`.
        """
        wanted = wanted_files(self.stem)
        folder = self.archive.folder(self.name, wanted)
        options = [type(self).__name__, str(self._rules), str(self.expected)]

        def read() -> Interactions:
            table = read_parts(folder, self.stem, self._rules)
            found = interactions_of(table, name=self.name, scale=self._rules.scale, duplicates="error", texts=None)
            self.expected.judge(found, folder)
            return found

        return cached(self.name, options, [folder / file for file in wanted.files[:2]], read)

    def negatives(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Rows of the test pairs in :meth:`load`'s interactions, int64 [T], and item indices of each, int32 [T, 99].

        Raises:
            DataError: a pair is not among the test ratings, or an item has no rating at all.
        """
        interactions = self.load()
        folder = self.archive.folder(self.name, wanted_files(self.stem))
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
        candidates = interactions.item_ids.indices_of(negatives.ravel())
        return rows, candidates.reshape(negatives.shape)
