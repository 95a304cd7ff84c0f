"""Export of embeddings: each format reads back equal to the model's."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pyarrow.parquet as pq
import pytest
import safetensors
import torch
from tests.models.conftest import Make, tasks_of

from hydrarec.core.errors import ConfigError, EnvironmentFault
from hydrarec.data.ids import IdMap
from hydrarec.models.base import Recommender
from hydrarec.models.trained import TrainedRun
from hydrarec.recommend.embedding_table import embeddings_of
from hydrarec.recommend.export import export_embeddings
from hydrarec.recommend.neighbour_index import recall
from hydrarec.runs.reader import RunReader
from hydrarec.runs.run_data import RunData

NUM_USERS, NUM_ITEMS = 20, 60
ORDERED_BY_PRODUCTS = ("dot", "biased_dot", "mf", "ials", "pure_svd", "lightgcn")
ORDERED_OTHERWISE = ("gmf", "neumf", "mlp", "svdpp", "bayesian_svdpp")
FORMATS = (".parquet", ".safetensors", ".faiss")


def model_of(name: str, **changes: Any) -> Recommender:
    """With random tables of every kind that it has."""
    make = Make(tasks_of(name)[0], name)
    model = make(NUM_USERS, NUM_ITEMS, replace(make.data(), num_users=NUM_USERS, num_items=NUM_ITEMS), **changes)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.5)
        for buffer in ("user_factors", "item_factors", "user_samples", "item_samples"):
            if hasattr(model, buffer):
                getattr(model, buffer).normal_(0, 0.5)
        if name == "bayesian_svdpp":
            model.num_stored.fill_(3)
    return model.requires_grad_(False)


def run_of(model: Recommender, *, texts: bool = False, titles: bool = True) -> TrainedRun:
    """A run whose raw ids are 7, 14, … and 1000, 1010, …, or texts."""
    users, items = 7 * np.arange(1, NUM_USERS + 1), 1000 + 10 * np.arange(NUM_ITEMS)
    data = RunData(
        user_ids=IdMap(users),
        item_ids=IdMap(np.array([f"ü{item}" for item in items], dtype=object) if texts else items),
        titles=tuple(f"Title, {item}" for item in items) if titles else None,
        genres=None,
        starts=np.zeros(NUM_USERS + 1, np.int64),
        items=np.empty(0, np.int32),
        ratings=np.empty(0, np.float32),
        parts=np.empty(0, np.int8),
        scale=(1.0, 5.0),
        name="small",
    )
    return TrainedRun(RunReader(Path()), {}, model, data)


# -- Parquet and tensors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("texts", [False, True])
def test_a_table_has_a_row_per_user_and_item(tmp_path: Path, texts: bool) -> None:
    model = model_of("biased_dot")
    run = run_of(model, texts=texts)
    said = export_embeddings(run, tmp_path / "new" / "e.parquet")
    table = pq.read_table(tmp_path / "new" / "e.parquet")
    assert table.column_names == ["kind", "id", "title", "bias", "vector"]
    rows = table.to_pylist()
    assert [row["kind"] for row in rows] == ["user"] * NUM_USERS + ["item"] * NUM_ITEMS
    expected = [*run.data.user_ids.to_list(), *run.data.item_ids.to_list()]
    assert [row["id"] for row in rows] == [str(each) if texts else each for each in expected]
    assert [row["title"] for row in rows] == [None] * NUM_USERS + list(run.data.titles or ())
    for first, of in ((0, "user"), (NUM_USERS, "item")):
        part = rows[first : first + (NUM_USERS if of == "user" else NUM_ITEMS)]
        assert np.array_equal(np.array([row["vector"] for row in part], np.float32), model.vectors(of).numpy())
        assert np.array_equal(np.array([row["bias"] for row in part], np.float32), model.biases(of).numpy())
    assert table.schema.metadata[b"model"] == b"BiasedDot"
    assert "20 users × 64 and 60 items × 64" in said[0]


def test_what_a_model_or_a_data_set_lacks_is_null(tmp_path: Path) -> None:
    export_embeddings(run_of(model_of("dot"), titles=False), tmp_path / "e.parquet")
    table = pq.read_table(tmp_path / "e.parquet")
    assert table["bias"].null_count == table["title"].null_count == len(table) == NUM_USERS + NUM_ITEMS


@pytest.mark.parametrize("texts", [False, True])
def test_tensors_come_back_with_their_ids(tmp_path: Path, texts: bool) -> None:
    model = model_of("biased_dot")
    run = run_of(model, texts=texts)
    export_embeddings(run, tmp_path / "e.safetensors")
    with safetensors.safe_open(tmp_path / "e.safetensors", "pt") as file:
        metadata, found = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    assert torch.equal(found["user_ids"], torch.from_numpy(run.data.user_ids.raw.copy()))
    assert found["user_ids"].dtype == torch.int64
    if texts:
        assert json.loads(metadata["item_ids"]) == run.data.item_ids.to_list()
    else:
        assert found["item_ids"].tolist() == run.data.item_ids.to_list()
    for of in ("user", "item"):
        assert torch.equal(found[f"{of}_vectors"], model.vectors(of))
        assert torch.equal(found[f"{of}_biases"], model.biases(of))
    assert set(found) - {"item_ids"} == {
        f"{of}_{what}" for of in ("user", "item") for what in ("vectors", "biases")
    } | {"user_ids"}


def test_a_model_without_biases_has_no_such_tensors(tmp_path: Path) -> None:
    export_embeddings(run_of(model_of("gmf")), tmp_path / "e.safetensors")
    with safetensors.safe_open(tmp_path / "e.safetensors", "pt") as file:
        assert sorted(file.keys()) == ["item_ids", "item_vectors", "user_ids", "user_vectors"]


# -- what the vectors are good for -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ORDERED_BY_PRODUCTS + ORDERED_OTHERWISE)
def test_it_is_said_whether_inner_products_give_the_models_order(name: str) -> None:
    found = embeddings_of(run_of(model_of(name)))
    assert found.inner_product == (name in ORDERED_BY_PRODUCTS)
    assert ("not inner products" in found.use) == (name in ORDERED_OTHERWISE)


def test_a_sigmoid_around_the_scores_leaves_their_order() -> None:
    assert embeddings_of(run_of(model_of("biased_dot", rating_range=True))).inner_product


def test_vectors_of_one_side_only_order_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = model_of("dot")
    items = model.vectors("item")
    monkeypatch.setattr(type(model), "vectors", lambda self, of: items if of == "item" else None)
    run = run_of(model)
    assert not embeddings_of(run).inner_product
    export_embeddings(run, tmp_path / "e.parquet")
    assert set(pq.read_table(tmp_path / "e.parquet")["kind"].to_pylist()) == {"item"}


# -- the index ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dot", "biased_dot"])
def test_an_index_answers_a_user_with_the_models_best_items(tmp_path: Path, name: str) -> None:
    model = model_of(name)
    run = run_of(model)
    said = export_embeddings(run, tmp_path / "e.faiss")
    index = faiss.read_index(str(tmp_path / "e.faiss"))
    assert index.ntotal == NUM_ITEMS
    queries = model.vectors("user")
    if name == "biased_dot":
        queries = torch.cat([queries, torch.ones(NUM_USERS, 1)], dim=1)
    _, found = index.search(queries.numpy(), 10)
    best = model.catalogue_scores(torch.arange(NUM_USERS)).topk(10).indices
    assert np.array_equal(found, run.data.item_ids.raw[best.numpy()])
    assert re.search(r"recall@10 against exact search 1\.000, in \d+\.\d{3} ms a query against \d+\.\d{3}: .", said[-1])
    assert f"60 items × {queries.shape[1]}" in said[0]
    assert any("followed by a 1" in line for line in said) == (name == "biased_dot")


def test_an_index_of_a_model_without_inner_products_is_by_cosine(tmp_path: Path) -> None:
    model = model_of("gmf")
    run = run_of(model)
    said = export_embeddings(run, tmp_path / "e.faiss")
    directions = torch.nn.functional.normalize(model.vectors("item"))
    similarity, found = faiss.read_index(str(tmp_path / "e.faiss")).search(directions.numpy(), 4)
    expected = (directions @ directions.T).topk(4)
    assert np.array_equal(found, run.data.item_ids.raw[expected.indices.numpy()])
    np.testing.assert_allclose(similarity, expected.values.numpy(), atol=1e-5)
    assert any("an item's vector, divided by its length" in line for line in said)


def test_ids_that_are_texts_lie_beside_the_index(tmp_path: Path) -> None:
    model = model_of("biased_dot")
    run = run_of(model, texts=True)
    said = export_embeddings(run, tmp_path / "e.faiss")
    names = json.loads((tmp_path / "e.faiss.ids.json").read_text(encoding="utf-8"))
    query = torch.cat([model.vectors("user")[3], torch.ones(1)])
    _, found = faiss.read_index(str(tmp_path / "e.faiss")).search(query[None].numpy(), 1)
    assert names[found[0, 0]] == run.data.item_ids.raw[model.catalogue_scores(torch.tensor([3]))[0].argmax()]
    assert any("rows of e.faiss.ids.json" in line for line in said)


def test_recall_is_the_share_of_the_exact_answer() -> None:
    exact = np.array([[0, 1, 2, 3], [4, 5, 6, 7]])
    found = np.array([[3, 1, 9, -1], [4, 8, 9, 6]])
    assert recall(found, exact) == (2 + 2) / 8
    assert recall(found, exact, own=np.array([0, 4])) == (2 + 1) / 6  # of items 0 and 4 themselves nobody asked
    assert recall(exact[:, ::-1], exact) == 1


# -- refusals ----------------------------------------------------------------------------------------------------------


def test_another_suffix_is_refused_with_those_there_are(tmp_path: Path) -> None:
    run = run_of(model_of("dot"))
    for name in ("e.csv", "e", "e.parqet"):
        with pytest.raises(ConfigError, match="not written as") as caught:
            export_embeddings(run, tmp_path / name)
        assert ".parquet" in caught.value.expected
        assert "e.safetensors" in caught.value.fix  # which needs no extra
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("name", ["ease", "item_knn", "popularity"])
def test_a_model_without_vectors_is_named(tmp_path: Path, name: str, suffix: str) -> None:
    model = model_of(name)
    with pytest.raises(ConfigError, match=type(model).__name__):
        export_embeddings(run_of(model), tmp_path / f"e{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_an_index_needs_vectors_of_items(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = model_of("dot")
    users = model.vectors("user")
    monkeypatch.setattr(type(model), "vectors", lambda self, of: users if of == "user" else None)
    with pytest.raises(ConfigError, match="no vectors of items"):
        export_embeddings(run_of(model), tmp_path / "e.faiss")


@pytest.mark.parametrize(
    ("suffix", "module", "extra"), [(".parquet", "pyarrow", "parquet"), (".faiss", "faiss", "ann")]
)
def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, suffix: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / f"e{suffix}"
    path.write_text("older")
    with pytest.raises(EnvironmentFault) as caught:
        export_embeddings(run_of(model_of("dot")), path)
    assert f"pip install 'hydrarec[{extra}]'" in caught.value.fix
    assert path.read_text() == "older"


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"e{suffix}").mkdir()
    (tmp_path / "file").touch()
    run = run_of(model_of("dot"))
    for path in (tmp_path / f"e{suffix}", tmp_path / "file" / f"e{suffix}"):
        with pytest.raises(EnvironmentFault, match="cannot be written"):
            export_embeddings(run, path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted([f"e{suffix}", "file"])


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_export_replaces_an_older_one(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"e{suffix}"
    path.write_text("older")
    export_embeddings(run_of(model_of("dot")), path)
    assert path.read_bytes() != b"older"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
