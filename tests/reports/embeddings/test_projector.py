"""Files for TensorBoard's projector."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from tests.reports.embeddings import planted

from hydrarec.reports.embeddings.projector import projector, write


def read_projector(folder: Path) -> tuple[list[list[str]], np.ndarray]:
    rows = [line.split("\t") for line in (folder / "metadata.tsv").read_text(encoding="utf-8").splitlines()]
    return rows, np.loadtxt(folder / "items.tsv", delimiter="\t")


def test_projector_has_a_line_of_metadata_per_vector(tmp_path: Path) -> None:
    found = projector(planted.subject(), most=12)
    assert found is not None
    write(found, tmp_path)
    rows, vectors = read_projector(tmp_path)
    assert rows[0] == ["title", "item", "mean rating", "ratings", "genres", "year", "genre", "bias"]
    assert {len(row) for row in rows} == {8}
    assert len(rows) == 13
    assert rows[1] == ["Film 0 (1940)", "0", "1", "60", "Drama|War", "1940", "War", "2.0000"]
    assert rows[5][0] == "Çà|et_là $5 * now* <b> [x](y) (1944)"
    np.testing.assert_allclose(vectors, planted.vectors()[:12], rtol=1e-5)
    config = (tmp_path / "projector_config.pbtxt").read_text()
    assert 'tensor_path: "items.tsv"' in config
    assert 'metadata_path: "metadata.tsv"' in config


def test_projector_with_less_known(tmp_path: Path) -> None:
    bare = dataclasses.replace(planted.subject(titles=False, genres=False), item_biases=None)
    found = projector(bare, most=1000)
    assert found is not None
    write(found, tmp_path)
    rows, vectors = read_projector(tmp_path)
    assert rows[0] == ["item", "mean rating", "ratings"]
    assert len(vectors) == 60
    assert projector(dataclasses.replace(bare, item_vectors=None), most=10) is None
