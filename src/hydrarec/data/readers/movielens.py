"""The formats in which GroupLens publishes MovieLens, and the one in which RecBole carries MovieLens 100K."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from hydrarec.core.errors import DataError
from hydrarec.data.readers import catalogue
from hydrarec.data.readers.delimited import Rules, read_delimited
from hydrarec.data.readers.layout import Form, Layout, layout_of
from hydrarec.data.sources.base import RequiredFiles
from hydrarec.data.table import ItemTexts, RatingTable

RATINGS_CSV = Form(
    user="userId", item="movieId", rating="rating", time="timestamp", separator=",", header=True, encoding="utf-8"
)
ATOMIC = Form(
    user="user_id:token",
    item="item_id:token",
    rating="rating:float",
    time="timestamp:float",
    separator="\t",
    header=True,
    encoding="utf-8",
)


class Reader(Protocol):
    """How the files of one published dataset are read.

    Attributes:
        wanted: the files it needs of the dataset's folder.
    """

    wanted: RequiredFiles

    def sources(self, folder: Path) -> list[Path]:
        """The files that the ratings and titles are read from, the ratings first."""
        ...

    def ratings(self, folder: Path, rules: Rules) -> RatingTable: ...

    def texts(self, folder: Path) -> ItemTexts | None: ...


class RatingsCsv:
    """``ratings.csv`` and ``movies.csv``: ml-latest-small, ml-20m, ml-25m, ml-32m."""

    wanted = RequiredFiles(alternatives=[["ratings.csv"]], files=["ratings.csv", "movies.csv"])

    def sources(self, folder: Path) -> list[Path]:
        return _existing(folder, "ratings.csv", "movies.csv")

    def ratings(self, folder: Path, rules: Rules) -> RatingTable:
        file = folder / "ratings.csv"
        layout = layout_of(file, RATINGS_CSV)
        return read_delimited(file, layout, rules)

    def texts(self, folder: Path) -> ItemTexts | None:
        file = folder / "movies.csv"
        return catalogue.movies_csv(file) if file.is_file() else None


class RatingsDat:
    """``ratings.dat`` and ``movies.dat``, ``::`` between the fields: ml-1m, ml-10m.

    Args:
        encoding: of the titles; Latin-1 in ml-1m, UTF-8 in ml-10m.
    """

    wanted = RequiredFiles(alternatives=[["ratings.dat"]], files=["ratings.dat", "movies.dat"])

    def __init__(self, *, encoding: str) -> None:
        self.encoding = encoding

    def sources(self, folder: Path) -> list[Path]:
        return _existing(folder, "ratings.dat", "movies.dat")

    def ratings(self, folder: Path, rules: Rules) -> RatingTable:
        file = folder / "ratings.dat"
        return read_delimited(file, _headerless(file, "::"), rules)

    def texts(self, folder: Path) -> ItemTexts | None:
        file = folder / "movies.dat"
        return catalogue.movies_dat(file, self.encoding) if file.is_file() else None


class UData:
    """MovieLens 100K: ``u.data``, ``u.item``, and the official folds ``u1.base``, ``u1.test`` … ``u5.test``.

    RecBole's copy, ``ml-100k.inter`` and ``ml-100k.item``, stands in for them where it is all there is; it has the
    same ratings in the same order, and no folds.
    """

    OWN, COPY = ("u.data", "u.item"), ("ml-100k.inter", "ml-100k.item")
    FOLDS = range(1, 6)
    wanted = RequiredFiles(
        alternatives=[OWN[:1], COPY[:1]],
        files=[*OWN, *COPY, *(f"u{fold}.{part}" for fold in FOLDS for part in ("base", "test"))],
    )

    def sources(self, folder: Path) -> list[Path]:
        return _existing(folder, *(self.COPY if self._is_copy(folder) else self.OWN))

    def ratings(self, folder: Path, rules: Rules) -> RatingTable:
        file = self.sources(folder)[0]
        return read_delimited(
            file, layout_of(file, ATOMIC) if self._is_copy(folder) else _headerless(file, "\t"), rules
        )

    def part(self, folder: Path, fold: int, part: str, rules: Rules) -> RatingTable:
        """``u<fold>.base`` or ``u<fold>.test``.

        Raises:
            DataError: there is no such fold, or RecBole's copy is all there is.
        """
        file = folder / f"u{fold}.{part}"
        if fold not in self.FOLDS or not file.is_file():
            raise DataError(
                f"official fold {fold} is not in this copy of ml-100k" if fold in self.FOLDS else f"no fold {fold}",
                expected=f"one of the folds 1 to 5, with u{fold}.base and u{fold}.test in {folder}",
                fix="put GroupLens's ml-100k.zip into $HYDRAREC_DATA_DIR, or split.official=false for our own folds",
                file=file,
            )
        return read_delimited(file, _headerless(file, "\t"), rules)

    def _is_copy(self, folder: Path) -> bool:
        return not (folder / self.OWN[0]).is_file()

    def texts(self, folder: Path) -> ItemTexts | None:
        copied = self._is_copy(folder)
        file = folder / (self.COPY if copied else self.OWN)[1]
        read = catalogue.atomic_item if copied else catalogue.u_item
        return read(file) if file.is_file() else None


def _existing(folder: Path, *names: str) -> list[Path]:
    return [folder / name for name in names if (folder / name).is_file()]


def _headerless(file: Path, separator: str) -> Layout:
    form = Form(user=0, item=1, rating=2, time=3, separator=separator, header=False, encoding="latin-1")
    return layout_of(file, form)
