"""Write recommendations of many users to Parquet or CSV, block by block, whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from hydrarec.core.errors import EnvironmentFault
from hydrarec.core.escaping import csv_cell
from hydrarec.core.files import atomic_write
from hydrarec.recommend.bulk import Recommendations
from hydrarec.recommend.output_file import replacing
from hydrarec.runs.run_data import RunData

COLUMNS = ("user", "rank", "item", "title", "score")
ROWS_AT_ONCE = 2**17  # per Parquet row group: smaller groups cost room and time

Write = Callable[[Recommendations], None]


@contextlib.contextmanager
def table_file(path: Path, data: RunData) -> Iterator[Write]:
    """Yield a function that writes rows; the file gets its name when the ``with`` block ends without an error.

    Columns: ``user``, ``rank`` from 1, ``item``, ``title`` (the id where there are no titles), ``score``; raw ids.
    In CSV a text that a spreadsheet would compute has an apostrophe before it; Parquet has all texts as they are.

    Raises:
        EnvironmentFault: pyarrow is not installed, or the file cannot be written.
    """
    opened = _parquet if path.suffix == ".parquet" else _csv
    with replacing(path, "out"), opened(path, data) as write:
        waiting: list[Recommendations] = []

        def flush() -> None:
            if waiting:
                write(Recommendations(*map(np.concatenate, zip(*waiting, strict=True))))
                waiting.clear()

        def add(part: Recommendations) -> None:
            waiting.append(part)
            if sum(len(each.users) for each in waiting) >= ROWS_AT_ONCE:
                flush()

        yield add
        flush()


@contextlib.contextmanager
def _parquet(path: Path, data: RunData) -> Iterator[Write]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        fix = f"pip install 'hydrarec[parquet]', or out={path.with_suffix('.csv')}"
        raise EnvironmentFault("Parquet needs pyarrow, which is not installed", fix=fix, file=path) from error
    raw_users, raw_items = (pyarrow.array(ids.raw) for ids in (data.user_ids, data.item_ids))
    titles = pyarrow.array([data.label(item) for item in range(data.num_items)])
    types = raw_users.type, pyarrow.int32(), raw_items.type, titles.type, pyarrow.float32()
    schema = pyarrow.schema(list(zip(COLUMNS, types, strict=True)))

    def write(part: Recommendations) -> None:
        users, items = pyarrow.array(part.users), pyarrow.array(part.items)
        columns = raw_users.take(users), part.ranks, raw_items.take(items), titles.take(items), part.scores
        writer.write_table(pyarrow.table([pyarrow.array(column) for column in columns], schema=schema))

    with atomic_write(path) as file, pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        yield write


@contextlib.contextmanager
def _csv(path: Path, data: RunData) -> Iterator[Write]:
    import pandas as pd

    titles = np.array([csv_cell(data.label(item)) for item in range(data.num_items)], dtype=object)
    user_ids, item_ids = (
        ids.raw if ids.are_integers else np.array([csv_cell(str(raw)) for raw in ids.raw], dtype=object)
        for ids in (data.user_ids, data.item_ids)
    )

    def write(part: Recommendations) -> None:
        columns = (
            user_ids[part.users],
            part.ranks,
            item_ids[part.items],
            titles[part.items],
            part.scores,
        )
        pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))).to_csv(file, header=False, index=False)

    with atomic_write(path, "w") as file:
        file.write(",".join(COLUMNS) + "\n")
        yield write
