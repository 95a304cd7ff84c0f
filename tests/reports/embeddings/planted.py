"""A small catalogue with planted embeddings, without training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hydrarec.config.composition import compose_config, plain
from hydrarec.data.ids import IdMap
from hydrarec.data.table import TEST, TRAIN
from hydrarec.reports.document import Section
from hydrarec.reports.embeddings.analysis_settings import AnalyzeConfig
from hydrarec.reports.embeddings.analysis_subject import Subject
from hydrarec.runs.run_data import RunData

ITEMS, USERS, WIDTH = 60, 120, 8
DRAMA = np.arange(ITEMS) % 4 % 3 == 0
LONG = "A Title of More Words than Any Axis Has Room for, and Then Some (Un titre) (1943)"


def settings(**changed: Any) -> AnalyzeConfig:
    """Those of ``conf/analyze.yaml`` with few repeats."""
    return AnalyzeConfig(**{**plain(compose_config(["shuffles=20", "resamples=20"], "analyze")), **changed})


def frame_of(section: Section, name: str) -> pd.DataFrame:
    """A table of a section as a data frame."""
    [table] = [table for table in section.tables if table.name == name]
    return pd.DataFrame(dict(zip(table.header, table.columns, strict=True)))


def run_data(*, titles: bool = True, genres: bool = True) -> RunData:
    """Item i has ``ITEMS − i`` training ratings, from users 0, 1, …; its mean is 1, 3 or 5 by i mod 3. Ids are 10·i.

    One test rating of item 59, which must not count. Of four items in a row the outer two are Drama, the others Comedy, so
    that the genre is independent of the order; every tenth is War, too.
    """
    pairs = [(user, item, TRAIN) for item in range(ITEMS) for user in range(ITEMS - item)]
    pairs.append((USERS - 1, ITEMS - 1, TEST))
    users, items, parts = (np.array(column) for column in zip(*sorted(pairs), strict=True))
    names = [f"Film {item} ({1940 + item})" for item in range(ITEMS)]
    names[3], names[4] = LONG, "Çà|et_là $5 *\tnow* <b> [x](y) (1944)"
    kinds = ["Drama" if drama else "Comedy" for drama in DRAMA]
    return RunData(
        user_ids=IdMap(np.arange(USERS) + 1),
        item_ids=IdMap(np.arange(ITEMS) * 10),
        titles=tuple(names) if titles else None,
        genres=tuple(kind + "|War" * (item % 10 == 0) for item, kind in enumerate(kinds)) if genres else None,
        starts=np.searchsorted(users, np.arange(USERS + 1)),
        items=items.astype(np.int32),
        ratings=(1 + 2 * (items % 3)).astype(np.float32),
        parts=parts.astype(np.int8),
        scale=(1.0, 5.0),
        name="planted",
    )


def vectors(seed: int = 0) -> NDArray[np.float64]:
    """Two strong orthogonal factors and weak noise: the first is 2 for Drama and −2 for Comedy, the second grows with i."""
    generator = np.random.default_rng(seed)
    factors = 0.01 * generator.standard_normal((ITEMS, WIDTH))
    factors[:, 0] += np.where(DRAMA, 2.0, -2.0)
    factors[:, 1] += np.linspace(-3, 3, ITEMS)
    turn, _ = np.linalg.qr(generator.standard_normal((WIDTH, WIDTH)))
    turned: NDArray[np.float64] = factors @ turn
    return turned


def subject(*, titles: bool = True, genres: bool = True, seed: int = 0) -> Subject:
    """Item bias: −2 … 2 against the order of the items, so that item 0 is the best; user bias: 0 … 1."""
    return Subject(
        name="Planted",
        task="rating",
        data=run_data(titles=titles, genres=genres),
        item_vectors=vectors(seed),
        user_vectors=np.random.default_rng(2).standard_normal((USERS, WIDTH)),
        item_biases=np.linspace(2, -2, ITEMS),
        user_biases=np.linspace(0, 1, USERS),
    )
