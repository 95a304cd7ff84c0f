"""Readers of MovieLens in GroupLens' formats, and of MovieLens 100K in RecBole's format."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from hydrarec.core.errors import DataError
from hydrarec.data.readers import catalogue
from hydrarec.data.readers.delimited import read_delimited
from hydrarec.data.readers.faults import Rules
from hydrarec.data.readers.layout import Form
from hydrarec.data.sources.base import RequiredFiles
from hydrarec.data.table import ItemTexts, RatingTable

FOLDS = range(1, 6)


class Copy(NamedTuple):
    """The files of one published copy of a dataset: ratings and their form, catalogue and its reader."""

    ratings: str
    form: Form
    catalogue: str
    read_catalogue: Callable[[Path], ItemTexts]


def headerless(separator: str) -> Form:
    """The form of files with user, item, rating and time in this order, without a header."""
    columns: dict[str, int] = {"user": 0, "item": 1, "rating": 2, "time": 3}
    return Form(**columns, separator=separator, header=False, encoding="latin-1", quoting=False)


class Reader:
    """Reads the files of one published dataset.

    Args:
        copies: published copies of the dataset; the first whose ratings file exists is read.
        more: names of optional files.

    Attributes:
        required: required files in the dataset's folder.
        settings: everything besides the files that affects the result.
    """

    def __init__(self, *copies: Copy, more: tuple[str, ...] = (), **settings: str) -> None:
        self.copies, self.settings = copies, settings
        files = [name for copy in copies for name in (copy.ratings, copy.catalogue)]
        self.required = RequiredFiles(alternatives=[[copy.ratings] for copy in copies], files=[*files, *more])

    def copy_in(self, folder: Path) -> Copy:
        """The copy to read in this folder."""
        return next((copy for copy in self.copies if (folder / copy.ratings).is_file()), self.copies[-1])

    def sources(self, folder: Path) -> list[Path]:
        """The files to read, ratings first, then titles."""
        copy = self.copy_in(folder)
        return [folder / name for name in (copy.ratings, copy.catalogue) if (folder / name).is_file()]

    def ratings(self, folder: Path, rules: Rules) -> RatingTable:
        """Read all ratings, in file order."""
        copy = self.copy_in(folder)
        return read_delimited(folder / copy.ratings, copy.form, rules)

    def texts(self, folder: Path) -> ItemTexts | None:
        """Read titles and genres; None without a catalogue."""
        copy = self.copy_in(folder)
        file = folder / copy.catalogue
        return copy.read_catalogue(file) if file.is_file() else None


class RatingsCsv(Reader):
    """Reads ``ratings.csv`` and ``movies.csv``: ml-latest-small, ml-20m, ml-25m, ml-32m."""

    FORM = Form(
        user="userId",
        item="movieId",
        rating="rating",
        time="timestamp",
        separator=",",
        header=True,
        encoding="utf-8",
        quoting=True,
    )

    def __init__(self) -> None:
        super().__init__(Copy("ratings.csv", self.FORM, "movies.csv", catalogue.movies_csv))


class RatingsDat(Reader):
    """Reads ``ratings.dat`` and ``movies.dat``, separated by ``::``: ml-1m, ml-10m.

    Args:
        encoding: encoding of the titles; Latin-1 in ml-1m, UTF-8 in ml-10m.
    """

    def __init__(self, *, encoding: str) -> None:
        read = functools.partial(catalogue.movies_dat, encoding=encoding)
        super().__init__(Copy("ratings.dat", headerless("::"), "movies.dat", read), encoding=encoding)


class UData(Reader):
    """Reads MovieLens 100K: ``u.data``, ``u.item``, and the official folds ``u1.base``, ``u1.test`` … ``u5.test``.

    Without ``u.data``, RecBole's copy (``ml-100k.inter``, ``ml-100k.item``) is read; it has the same ratings in the
    same order, but no folds.
    """

    ATOMIC = Form(
        user="user_id:token",
        item="item_id:token",
        rating="rating:float",
        time="timestamp:float",
        separator="\t",
        header=True,
        encoding="utf-8",
        quoting=False,
    )

    def __init__(self) -> None:
        super().__init__(
            Copy("u.data", headerless("\t"), "u.item", catalogue.u_item),
            Copy("ml-100k.inter", self.ATOMIC, "ml-100k.item", catalogue.atomic_item),
            more=tuple(f"u{fold}.{part}" for fold in FOLDS for part in ("base", "test")),
        )

    def part(self, folder: Path, fold: int, part: str, rules: Rules) -> RatingTable:
        """Read ``u<fold>.base`` or ``u<fold>.test``.

        Raises:
            DataError: there is no such fold, or the folder has only RecBole's copy.
        """
        file = folder / f"u{fold}.{part}"
        if fold not in FOLDS or not file.is_file():
            raise DataError(
                f"official fold {fold} is not in this copy of ml-100k" if fold in FOLDS else f"no fold {fold}",
                expected=f"one of the folds 1 to 5, with u{fold}.base and u{fold}.test in {folder}",
                fix="put GroupLens's ml-100k.zip into $HYDRAREC_DATA_DIR, or split.official=false for our own folds",
                file=file,
            )
        return read_delimited(file, headerless("\t"), rules)
