"""Embeddings in a file for other programs: a table, tensors, or an index of approximate neighbours."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hydrarec.core.errors import ConfigError, EnvironmentFault, did_you_mean
from hydrarec.core.files import atomic_write
from hydrarec.core.hints import setting
from hydrarec.models.trained import TrainedRun
from hydrarec.recommend.embedding_table import Embeddings, embeddings_of
from hydrarec.recommend.neighbour_index import write_index
from hydrarec.recommend.output_file import replacing


def export_embeddings(run: TrainedRun, path: Path) -> list[str]:
    """Write the model's embeddings to ``path``, whole or not at all; return lines that describe the file.

    The suffix decides: ``.parquet`` (:func:`write_parquet`), ``.safetensors`` (:func:`write_safetensors`) or ``.faiss``
    (:func:`hydrarec.recommend.neighbour_index.write_index`).

    Raises:
        ConfigError: an unknown suffix, or a model without embeddings.
        EnvironmentFault: an extra that is not installed, or a file that cannot be written.
    """
    write = _FORMATS.get(path.suffix)
    if write is None:
        raise ConfigError(
            f"export={path}: embeddings are not written as '{path.suffix}'",
            expected=did_you_mean(path.suffix, _FORMATS),
            fix=setting(
                "export", str(path / "embeddings.safetensors" if not path.name else path.with_suffix(".safetensors"))
            ),
            value=str(path),
        )
    embeddings = embeddings_of(run)
    with replacing(path, "export"):
        return write(embeddings, path)


def write_parquet(embeddings: Embeddings, path: Path) -> list[str]:
    """A row per user, then per item: ``kind`` (user or item), ``id`` (raw), ``title``, ``bias``, ``vector`` (list of float32).

    ``id`` is int64 where all raw ids are integers, else text; missing values are null.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise EnvironmentFault(
            "Parquet needs pyarrow, which is not installed",
            fix=f"pip install 'hydrarec[parquet]', or export={path.with_suffix('.safetensors')}",
            file=path,
        ) from error
    data = embeddings.data
    id_type = pa.int64() if data.user_ids.are_integers and data.item_ids.are_integers else pa.string()
    sides = (
        ("user", data.user_ids, None, embeddings.user_biases, embeddings.user_vectors),
        ("item", data.item_ids, data.titles, embeddings.item_biases, embeddings.item_vectors),
    )
    tables = []
    for kind, ids, titles, biases, vectors in sides:
        if vectors is None:
            continue
        count, width = vectors.shape
        offsets = np.arange(0, (count + 1) * width, width, dtype=np.int32)
        columns = {
            "kind": pa.array([kind] * count, pa.string()),
            "id": pa.array(ids.raw).cast(id_type),
            "title": pa.nulls(count, pa.string()) if titles is None else pa.array(titles, pa.string()),
            "bias": pa.nulls(count, pa.float32()) if biases is None else pa.array(biases.numpy()),
            "vector": pa.ListArray.from_arrays(pa.array(offsets), pa.array(vectors.flatten().numpy())),
        }
        tables.append(pa.table(columns))
    with atomic_write(path) as file:
        pq.write_table(pa.concat_tables(tables).replace_schema_metadata(_metadata(embeddings)), file)
    return _summary(embeddings, path)


def write_safetensors(embeddings: Embeddings, path: Path) -> list[str]:
    """``user_vectors``, ``item_vectors`` float32 [n, D] and ``user_biases``, ``item_biases`` float32 [n], where the model has them.

    Beside them raw ids in the order of the rows, ``user_ids`` and ``item_ids`` int64 [n]; ids that are texts are under
    these names in the metadata, as JSON.
    """
    import safetensors.torch
    import torch

    names = ("user_vectors", "item_vectors", "user_biases", "item_biases")
    tensors = {name: getattr(embeddings, name) for name in names if getattr(embeddings, name) is not None}
    metadata = _metadata(embeddings)
    for name, ids in (("user_ids", embeddings.data.user_ids), ("item_ids", embeddings.data.item_ids)):
        if ids.are_integers:
            tensors[name] = torch.from_numpy(ids.raw.copy())
        else:
            metadata[name] = json.dumps(ids.to_list(), ensure_ascii=False)
    with atomic_write(path) as file:
        file.write(safetensors.torch.save(tensors, metadata))
    return _summary(embeddings, path)


def _metadata(embeddings: Embeddings) -> dict[str, str]:
    return {"model": embeddings.model, "dataset": embeddings.data.name, "use": embeddings.use}


def _summary(embeddings: Embeddings, path: Path) -> list[str]:
    sides = (("users", embeddings.user_vectors), ("items", embeddings.item_vectors))
    there = [f"{len(vectors):,} {kind} × {vectors.shape[1]}" for kind, vectors in sides if vectors is not None]
    return [f"embeddings of {' and '.join(there)}: {path}", embeddings.use]


_FORMATS: dict[str, Callable[[Embeddings, Path], list[str]]] = {
    ".parquet": write_parquet,
    ".safetensors": write_safetensors,
    ".faiss": write_index,
}
