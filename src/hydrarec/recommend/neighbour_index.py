"""An index of approximate nearest items, with its measured recall and speed against exact search."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from hydrarec.core.console import progress
from hydrarec.core.errors import ConfigError, EnvironmentFault
from hydrarec.core.files import atomic_write, write_json
from hydrarec.recommend.embedding_table import Embeddings

if TYPE_CHECKING:
    from collections.abc import Callable

    Search = Callable[[NDArray[np.float32], int], tuple[Any, NDArray[np.int64]]]

# A hierarchical navigable small world graph (Malkov & Yashunin 2020): edges per node, candidates while it is built,
# and candidates while it is searched: the first that reaches _WANTED_RECALL, else the last.
_EDGES, _BUILDING = 32, 200
_SEARCHING = (32, 64, 128, 256, 512)
_WANTED_RECALL = 0.95
_K = 10
_QUERIES = 1000
_ITEMS_AT_ONCE = 1024


class Measured(NamedTuple):
    """``recall``: share of the exact ``k`` nearest that the index finds; ``seconds`` a query, of the index and exact."""

    k: int
    recall: float
    seconds: float
    exact_seconds: float


def write_index(embeddings: Embeddings, path: Path) -> list[str]:
    """Write a faiss HNSW index over the items; return lines that describe it.

    Where inner products give the model's ranking, it searches by inner product, with the bias as one more coordinate: a query
    is a user's vector followed by a 1. Otherwise it searches unit vectors by cosine, and a query is an item's vector.
    Ids in the index are raw item ids where these are integers, else rows of ``<path>.ids.json``, a list.

    Raises:
        ConfigError: no vectors of items.
        EnvironmentFault: faiss is not installed.
    """
    try:
        import faiss
    except ImportError as error:
        raise EnvironmentFault(
            "an index of neighbours needs faiss, which is not installed",
            fix=f"pip install 'hydrarec[ann]', or export={path.with_suffix('.safetensors')}",
            file=path,
        ) from error
    vectors, queries, own = _indexed_vectors(embeddings)
    faiss.omp_set_num_threads(torch.get_num_threads())
    graph = faiss.IndexHNSWFlat(vectors.shape[1], _EDGES, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = _BUILDING
    index = faiss.IndexIDMap2(graph)
    raw = embeddings.data.item_ids.raw
    by_row = raw.dtype != np.int64 or bool((raw < 0).any())  # −1 means nothing found
    ids = np.arange(len(raw)) if by_row else raw
    with progress("building the index", total=len(ids), unit="items") as advance:
        for first in range(0, len(ids), _ITEMS_AT_ONCE):
            part = slice(first, first + _ITEMS_AT_ONCE)
            index.add_with_ids(vectors[part], ids[part])
            advance(len(ids[part]))
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)
    measured = _tune(graph, flat, queries, own)
    with atomic_write(path) as file:
        file.write(faiss.serialize_index(index).tobytes())
    if by_row:
        write_json(_sidecar(path), embeddings.data.item_ids.to_list())
    return _summary(embeddings, path, measured, vectors.shape[1], by_row)


def _indexed_vectors(
    embeddings: Embeddings,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64] | None]:
    """The indexed vectors, [num_items, D]; sample queries, [Q, D]; which items these queries are, [Q], if they are items."""
    if embeddings.item_vectors is None:
        raise ConfigError(
            f"model {embeddings.model} has no vectors of items to make an index of",
            expected="a run of a model with item embeddings, such as biased_dot, ials or lightgcn",
            fix="export=embeddings.parquet, or a run of one of these",
            value=embeddings.model,
        )
    items = embeddings.item_vectors.numpy()
    if embeddings.inner_product:
        assert embeddings.user_vectors is not None
        users = embeddings.user_vectors.numpy()
        users = users[_spread(len(users))]
        if embeddings.item_biases is not None:
            items = np.column_stack([items, embeddings.item_biases.numpy()])
            users = np.column_stack([users, np.ones(len(users), np.float32)])
        return np.ascontiguousarray(items), np.ascontiguousarray(users), None
    lengths = np.linalg.norm(items, axis=1, keepdims=True)
    directions = (items / np.where(lengths > 0, lengths, 1)).astype(np.float32, copy=False)
    own = _spread(len(items))
    return directions, directions[own], own


def _spread(count: int) -> NDArray[np.int64]:
    """At most ``_QUERIES`` of ``count`` rows, evenly."""
    return np.arange(0, count, 1 + (count - 1) // _QUERIES)


def _tune(graph: Any, flat: Any, queries: NDArray[np.float32], own: NDArray[np.int64] | None) -> Measured:
    """Set the smallest search effort that reaches the recall, and measure it."""
    k = min(_K + (own is not None), flat.ntotal)
    exact, exact_seconds = _search_all(flat.search, queries, k)
    for effort in _SEARCHING:
        graph.hnsw.efSearch = effort
        found, seconds = _search_all(graph.search, queries, k)
        measured = Measured(k - (own is not None), recall(found, exact, own), seconds, exact_seconds)
        if measured.recall >= _WANTED_RECALL:
            break
    return measured


def _search_all(search: Search, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], float]:
    """The rows found, [Q, k], one query at a time as a service would ask, and the mean seconds per query."""
    started = time.perf_counter()
    found = [search(queries[row : row + 1], k)[1] for row in range(len(queries))]
    return np.concatenate(found), (time.perf_counter() - started) / len(queries)


def recall(found: NDArray[np.int64], exact: NDArray[np.int64], own: NDArray[np.int64] | None = None) -> float:
    """Share of ``exact``, [Q, k], that is in the same row of ``found``, [Q, k]; ``own``, [Q], is no neighbour of itself."""
    wanted = np.ones(exact.shape, bool) if own is None else exact != own[:, None]
    hits = (exact[:, :, None] == found[:, None, :]).any(2)
    return float(hits[wanted].mean()) if wanted.any() else 1.0


def _sidecar(path: Path) -> Path:
    return path.with_name(f"{path.name}.ids.json")


def _summary(embeddings: Embeddings, path: Path, measured: Measured, width: int, by_row: bool) -> list[str]:
    biased = embeddings.inner_product and embeddings.item_biases is not None
    query = "a user's vector followed by a 1" if biased else "a user's vector"
    if not embeddings.inner_product:
        query = "an item's vector, divided by its length"
    ids = f"rows of {_sidecar(path).name}" if by_row else "raw item ids"
    gain = measured.exact_seconds / measured.seconds
    worth = f"{gain:.1f}× as fast" if gain > 1 else "an index does not pay for so few items"
    return [
        f"index of {embeddings.data.num_items:,} items × {width}{', the last of them the bias' if biased else ''}: {path}",
        embeddings.use,
        f"query: {query}; it answers with {ids}",
        f"recall@{measured.k} against exact search {measured.recall:.3f}, in {1e3 * measured.seconds:.3f} ms a query"
        f" against {1e3 * measured.exact_seconds:.3f}: {worth}",
    ]
