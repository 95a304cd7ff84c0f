"""Ratings in the user's own files: CSV, TSV, any delimited text, compressed or not, and Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from hydrarec.data.datasets.base import About, Counts, FileDataset
from hydrarec.data.interactions import Interactions
from hydrarec.data.readers.delimited import read_delimited
from hydrarec.data.readers.faults import Rules
from hydrarec.data.readers.layout import Form
from hydrarec.data.readers.opening import require_readable
from hydrarec.data.readers.parquet import read_parquet
from hydrarec.data.table import TEST, TRAIN, VALIDATION, RatingTable, Scale, joined

PARQUET = (".parquet", ".pq")


class CsvRatings(FileDataset):
    """Ratings in a file of the user's own, or in separate files for training, validation and test.

    Args:
        name: shown in results.
        about: address, licence, citation, if there are any.
        path: the file of ratings; those for training if ``val_path`` or ``test_path`` is given.
        val_path, test_path: the ratings for validation and test, in the same format.
        user, item, rating, time: columns, by name in the header or by position from 0. Without ``rating`` every row
            counts as 1; ``time`` is in unix seconds, finer units and ISO dates being recognised.
        separator: between two fields; None: by the file's ending, or else what is found in the first line.
        header: whether the first line names the columns.
        encoding: of the ids.
        ids: ``auto`` takes ids for integers if all are; ``string`` keeps ``007`` and ``7`` apart.
        scale: the ratings allowed; an end that is None is the data's own.
        expected: counts to check, if they are known.
        on_bad_rows: ``error``, or ``drop`` the rows that cannot be read.
        duplicates: which rating of a pair counts if one file has several; a pair in two files is always an error.
    """

    def __init__(
        self,
        *,
        name: str,
        about: About,
        path: str,
        val_path: str | None,
        test_path: str | None,
        user: str | int,
        item: str | int,
        rating: str | int | None,
        time: str | int | None,
        separator: str | None,
        header: bool,
        encoding: str,
        ids: Literal["auto", "string"],
        scale: Scale,
        expected: Counts,
        on_bad_rows: Literal["error", "drop"],
        duplicates: Literal["error", "last", "first", "mean"],
    ) -> None:
        super().__init__(name, about, expected, Rules(scale=scale, ids=ids, on_bad_rows=on_bad_rows), duplicates)
        paths = {TRAIN: path, VALIDATION: val_path, TEST: test_path}
        self.files = {part: Path(p).expanduser().absolute() for part, p in paths.items() if p is not None}
        self.form = Form(
            user=user, item=item, rating=rating, time=time, separator=separator, header=header, encoding=encoding
        )

    def load(self) -> Interactions:
        """The ratings, from the cache if the files have been read before and are unchanged.

        Raises:
            DataError: a file is missing or cannot be read as ratings.
            EnvironmentFault: permission, or pyarrow is missing.
        """
        for file in self.files.values():
            require_readable(file)
        return self.load_files(list(self.files.values()), [list(self.files), str(self.form)], self._read)

    def _read(self) -> RatingTable:
        tables = [
            (read_parquet if file.suffix.lower() in PARQUET else read_delimited)(file, self.form, self.rules)
            for file in self.files.values()
        ]
        return joined(tables, list(self.files)) if len(tables) > 1 else tables[0]
