"""Factories for the tests of the data layer: small files, datasets without a configuration, a server on 127.0.0.1."""

from __future__ import annotations

import contextlib
import http.server
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from hydrarec.data.datasets.base import About, Counts, Ratings
from hydrarec.data.datasets.own_files import CsvRatings
from hydrarec.data.readers.movielens import RatingsCsv, Reader
from hydrarec.data.sources.archive import Archive
from hydrarec.data.table import RatingTable, Scale

CLEAN = "userId,movieId,rating,timestamp\n1,10,4.0,100\n1,20,3.5,200\n2,10,5.0,300\n7,30,0.5,400\n"
ABOUT = About(homepage=None, licence=None, citation=None)
ANY_COUNTS = Counts(ratings=None, users=None, items=None)
HALF_STARS = Scale(low=0.5, high=5.0, step=0.5)


def own_file(path: Path, **settings: Any) -> CsvRatings:
    """dataset=csv, with MovieLens's column names and half stars unless said otherwise."""
    defaults: dict[str, Any] = {
        "name": "own",
        "about": ABOUT,
        "val_path": None,
        "test_path": None,
        "user": "userId",
        "item": "movieId",
        "rating": "rating",
        "time": "timestamp",
        "separator": None,
        "header": True,
        "encoding": "utf-8",
        "quoting": True,
        "ids": "auto",
        "scale": HALF_STARS,
        "expected": ANY_COUNTS,
        "on_bad_rows": "error",
        "duplicates": "error",
    }
    return CsvRatings(path=str(path), **{**defaults, **settings})


def published(
    *,
    url: str | None = None,
    sha256: str | None = None,
    md5: str | None = None,
    reader: Reader | None = None,
    package: Any = None,
    name: str = "tiny",
    **settings: Any,
) -> Ratings:
    """A published dataset named ``tiny``, read from ratings.csv and movies.csv unless said otherwise."""
    defaults: dict[str, Any] = {
        "about": ABOUT,
        "expected": ANY_COUNTS,
        "scale": HALF_STARS,
        "ratings_sha256": None,
        "on_bad_rows": "error",
        "duplicates": "error",
    }
    archive = Archive(url=url, size=None, sha256=sha256, md5=md5, package=package)
    return Ratings(name=name, archive=archive, reader=reader or RatingsCsv(), **{**defaults, **settings})


def table_of(
    users: list[Any], items: list[Any], ratings: list[float], times: list[int] | None = None, part: Any = None
) -> RatingTable:
    """A table as a reader would hand it on; row r stands in line r + 2."""
    return RatingTable(
        users=np.array(users, object if isinstance(users[0], str) else np.int64),
        items=np.array(items, object if isinstance(items[0], str) else np.int64),
        ratings=np.array(ratings, np.float32),
        timestamps=None if times is None else np.array(times, np.int64),
        part=None if part is None else np.array(part, np.int8),
        places=lambda rows: [(Path("ratings.csv"), row + 2) for row in rows],
    )


def zip_of(path: Path, members: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content, locks left out."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".locks" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


@contextlib.contextmanager
def serving(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """A web server on 127.0.0.1 that answers every GET by ``answer``; yields its address and the paths asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answer(self)

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


def content(body: bytes, status: int = 200) -> Answer:
    """An answer that sends ``body``."""

    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer
