"""Datasets in the user's own files: CSV, TSV, other delimited text (gzipped or not), and Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from hydrarec.core.kinds import FolderName
from hydrarec.data.datasets.base import About, Counts, FileDataset
from hydrarec.data.interactions import Interactions
from hydrarec.data.readers.column_names import like_times
from hydrarec.data.readers.delimited import read_delimited
from hydrarec.data.readers.faults import Rules
from hydrarec.data.readers.layout import Form, header_of
from hydrarec.data.readers.opening import require_readable
from hydrarec.data.readers.parquet import parquet_columns, read_parquet
from hydrarec.data.table import TEST, TRAIN, VALIDATION, RatingTable, Scale, joined

PARQUET = (".parquet", ".pq")


class CsvRatings(FileDataset):
    """Ratings in one user-provided file, or in separate files for training, validation and test.

    Args:
        name: shown in results.
        about: address, licence, citation, if any.
        path: the ratings file; holds the training ratings if ``val_path`` or ``test_path`` is given.
        val_path, test_path: files of validation and test ratings, in the same format.
        user, item, rating, time: columns, by header name or by position from 0. Without ``rating`` every row counts
            as 1. ``time`` is in unix seconds; finer units and ISO dates are recognised.
        separator: field separator; None: detected in the first line.
        header: whether the first line names the columns.
        encoding: encoding of the ids.
        quoting: whether fields may stand in double quotes; otherwise a quote is a character like any other.
        ids: ``auto`` reads ids as integers if all are; ``string`` keeps ``007`` and ``7`` distinct.
        scale: rating scale; an end that is None is taken from the data.
        expected: counts to check, if known.
        on_bad_rows: ``error``, or ``drop`` the rows that cannot be read.
        duplicates: which of several ratings of a pair in one file to keep; a pair in two files is always an error.
    """

    def __init__(
        self,
        *,
        name: FolderName,
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
        quoting: bool,
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
            user=user,
            item=item,
            rating=rating,
            time=time,
            separator=separator,
            header=header,
            encoding=encoding,
            quoting=quoting,
        )

    def load(self) -> Interactions:
        """Load the ratings, from the cache if the files are unchanged.

        Raises:
            DataError: a file is missing or cannot be read as ratings.
            EnvironmentFault: permission is denied, or pyarrow is missing.
        """
        for file in self.files.values():
            require_readable(file)
        return self.load_files(list(self.files.values()), [list(self.files), str(self.form)], self._read)

    def unused_times(self) -> list[str]:
        """The columns of the first file that are not used although their names are usual for times."""
        file = next(iter(self.files.values()))
        return like_times((parquet_columns if _is_parquet(file) else header_of)(file, self.form))

    def _read(self) -> RatingTable:
        tables = [
            (read_parquet if _is_parquet(file) else read_delimited)(file, self.form, self.rules)
            for file in self.files.values()
        ]
        return joined(tables, list(self.files)) if len(tables) > 1 else tables[0]


def _is_parquet(file: Path) -> bool:
    return file.suffix.lower() in PARQUET
