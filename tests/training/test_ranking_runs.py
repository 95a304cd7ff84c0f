"""Whole runs of task=ranking on a small file: every model; the run folder is complete and correct."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.cli.test_bad_inputs import assert_recorded, assert_refused, refused
from tests.conftest import TINY, Compose, Execute, Train, history_of, killed_after, tree_digest
from tests.models.conftest import MODELS, tasks_of
from tests.training.test_resume import assert_same_run

from hydrarec.core.errors import CheckpointError, ConfigError, DivergedError
from hydrarec.data.batching.queries import Queries, QueryLoader
from hydrarec.runs.checkpoint import load
from hydrarec.tasks.metrics.ranks import Ranks
from hydrarec.tasks.metrics.top_list import metrics_of

# 40 users with 15 of 30 items, one for test and one for validation each: 520 positives
RANKING = ("task=ranking", "task.datamodule.num_candidates=9", "task.datamodule.batch_size=175")
RANKERS = [model for model in MODELS if "ranking" in tasks_of(model)]
FITTING = {"pure_svd": ("model.embedding_dim=8",), "multi_vae": ("task.datamodule.batch_size=8",)}  # users
LOSSES = {
    "bpr": ("task.objective.loss=bpr",),
    "softmax, sampled": ("task.objective.loss=softmax",),
    "softmax, catalogue": ("task.objective.loss=softmax", "task.datamodule.num_negatives=catalogue"),
    "by popularity": ("task.datamodule.negative_alpha=0.75",),
    "avoiding what is held out": ("task.datamodule.avoid_held_out=true",),
}


def arrays_of(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "ranks.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def assert_recomputed(folder: Path, metrics: dict[str, float]) -> None:
    """The ranks alone give every metric of the result, to the last bit."""
    arrays = arrays_of(folder)
    for part in ("val", "test"):
        for protocol in ("sampled9", "full"):
            users = torch.from_numpy(arrays[f"{part}/user"]).long()
            fields = (
                torch.from_numpy(arrays[f"{part}/{protocol}/{name}"]) for name in ("better", "tied", "candidates")
            )
            queries = users if protocol == "full" else torch.arange(len(users))
            for name, values in metrics_of(Ranks(queries, *fields), [10]).items():
                assert metrics[f"{part}/{name}/{protocol}"] == float(values.mean()), (part, name, protocol)


@pytest.mark.parametrize("model", RANKERS)
def test_every_model_runs_and_its_ranks_give_its_metrics(execute: Execute, tmp_path: Path, model: str) -> None:
    result = execute(tmp_path / "run", *RANKING, f"model={model}", *FITTING.get(model, ()))
    metrics = result["metrics"]
    assert all(math.isfinite(value) for value in metrics.values())
    assert result["n"] == {"train": 520, "val": 40, "test": 40}
    assert result["selected"]["by"] == "val/ndcg@10/full"
    assert_recomputed(tmp_path / "run", metrics)
    rows = history_of(tmp_path / "run")
    best = max(rows, key=lambda row: float(row["val/ndcg@10/full"]))
    assert result["selected"]["epoch"] == int(best["epoch"])
    assert metrics["val/ndcg@10/full"] == pytest.approx(float(best["val/ndcg@10/full"]), abs=1e-9)


@pytest.mark.parametrize("overrides", LOSSES.values(), ids=LOSSES.keys())
def test_every_loss_and_way_to_draw(execute: Execute, tmp_path: Path, overrides: tuple[str, ...]) -> None:
    metrics = execute(tmp_path / "run", *RANKING, "model=mf", *overrides)["metrics"]
    assert_recomputed(tmp_path / "run", metrics)
    losses = [float(row["train/loss"]) for row in history_of(tmp_path / "run")]
    assert losses[1] < losses[0]


def test_a_run_says_how_it_was_evaluated(execute: Execute, tmp_path: Path) -> None:
    execute(tmp_path / "run", *RANKING, "model=gmf")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    candidates = {"candidates": 9, "drawn": "from eval_seed 0", "queries_with_fewer": 0, "fewest": 9}
    assert record["evaluation"] == {
        "protocol": "both",
        "positives_without_negatives": 0,
        "val": candidates,
        "test": candidates,
    }
    assert record["split"]["users_left_out"] == {}
    arrays = arrays_of(tmp_path / "run")
    assert set(arrays["test/sampled9/candidates"]) == {10}
    assert set(arrays["test/full/candidates"]) == {30 - 14}
    assert set(arrays["val/full/candidates"]) == {30 - 13}
    assert not set(arrays["val/row"]) & set(arrays["test/row"])


def test_popularity_is_exactly_what_can_be_counted(execute: Execute, composed: Compose, tmp_path: Path) -> None:
    """Ranks recounted from the file in pure Python."""
    from hydrarec.runs.folder import RunFolder
    from hydrarec.training.assembly import build

    execute(tmp_path / "run", *RANKING, "model=popularity")
    parts = build(composed(*RANKING, "model=popularity"), RunFolder(tmp_path / "again"))
    data, split = parts.datamodule.interactions, parts.datamodule.split
    counts = np.bincount(data.items[split.train], minlength=data.num_items)
    arrays = arrays_of(tmp_path / "run")
    for place, row in enumerate(split.test):
        seen = set(data.items[data.users == data.users[row]].tolist()) - {int(data.items[row])}
        others = [counts[item] for item in range(data.num_items) if item not in seen and item != data.items[row]]
        own = counts[data.items[row]]
        assert arrays["test/full/better"][place] == sum(count > own for count in others)
        assert arrays["test/full/tied"][place] == sum(count == own for count in others)


def test_no_held_out_pair_reaches_the_model(composed: Compose, tmp_path: Path) -> None:
    """Replacing every held-out item must not change the trained weights."""
    from hydrarec.runs.folder import RunFolder
    from hydrarec.training.assembly import build
    from hydrarec.training.fit import run

    weights = []
    for name, exchanged in (("a", False), ("b", True)):
        config, folder = composed(*RANKING, "model=neumf", "task.monitor=null"), RunFolder(tmp_path / name)
        parts = build(config, folder)
        if exchanged:
            data, split = parts.datamodule.interactions, parts.datamodule.split
            items = np.array(data.items)
            for row in np.concatenate([split.val, split.test]):
                items[row] = (items[row] + 1) % data.num_items  # the neighbour is no item of this user
            object.__setattr__(data, "items", items)
            fresh = build(config, RunFolder(tmp_path / "c")).datamodule
            assert not np.array_equal(fresh.interactions.items, items)
            parts.datamodule._made.clear()
            parts.datamodule.__dict__.pop("_touched", None)
        run(parts, folder, config, resume=False)
        weights.append(parts.model.state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


class OneByOne(QueryLoader):
    """Batches of one user, whatever the memory."""

    def __init__(self, queries: Queries, **settings: Any) -> None:
        super().__init__(queries, **{**settings, "users_per_batch": 1})


@pytest.mark.parametrize("seed", [0, 3])
def test_evaluation_memory_changes_no_figure(execute: Execute, tmp_path: Path, seed: int) -> None:
    settings = (*RANKING, "model=popularity", f"task.datamodule.eval_seed={seed}")
    whole = execute(tmp_path / "whole", *settings)["metrics"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hydrarec.data.datamodules.implicit.QueryLoader", OneByOne)
        assert execute(tmp_path / "pieces", *settings)["metrics"] == whole


# -- pre-training ------------------------------------------------------------------------------------------------------


@pytest.fixture
def pretrained(execute: Execute, tmp_path: Path) -> tuple[str, str]:
    """The settings that name a finished GMF and a finished perceptron."""
    execute(tmp_path / "gmf", *RANKING, "model=gmf", "model.embedding_dim=8")
    execute(tmp_path / "mlp", *RANKING, "model=ncf_mlp")
    return f"model.pretrained_gmf='{tmp_path / 'gmf'}'", f"model.pretrained_mlp='{tmp_path / 'mlp'}'"


def test_neumf_starts_from_two_runs_and_needs_neither_afterwards(
    execute: Execute, composed: Compose, tmp_path: Path, pretrained: tuple[str, str]
) -> None:
    from hydrarec.models.mlp import MLP
    from hydrarec.models.ncf import GMF, NeuMF
    from hydrarec.runs.folder import RunFolder
    from hydrarec.training.assembly import build

    overrides = (*RANKING, "model=neumf", "model.alpha=0.3", *pretrained)
    parts = build(composed(*overrides), RunFolder(tmp_path / "built"))
    parts.model.observe(parts.datamodule.training_data())
    users, items = torch.arange(40)[:, None], torch.arange(30)
    gmf = GMF.load_from_checkpoint(tmp_path / "gmf" / "checkpoints" / "best.ckpt").eval()
    perceptron = MLP.load_from_checkpoint(tmp_path / "mlp" / "checkpoints" / "best.ckpt").eval()
    with torch.no_grad():  # eq. 13: the scores are mixed as the prediction layers are
        mixed = 0.3 * gmf(users, items) + 0.7 * perceptron(users, items)
        torch.testing.assert_close(parts.model.eval()(users, items), mixed, atol=1e-5, rtol=1e-4)
    execute(tmp_path / "run", *overrides)
    for name in ("gmf", "mlp"):
        (tmp_path / name).rename(tmp_path / f"{name} moved")
    best = tmp_path / "run" / "checkpoints" / "best.ckpt"
    assert NeuMF.load_from_checkpoint(best, weights_only=True).num_users == 40


def test_neumf_goes_on_after_a_kill_although_it_started_from_runs(
    execute: Execute, tmp_path: Path, pretrained: tuple[str, str]
) -> None:
    overrides = (*RANKING, "model=neumf", *pretrained)
    with killed_after(saves=11):
        execute(tmp_path / "run", *overrides)
    execute(tmp_path / "run", *overrides)
    execute(tmp_path / "whole", *overrides)
    assert_same_run(tmp_path / "run", tmp_path / "whole")


def test_pretrained_runs_of_other_data_are_refused(
    execute: Execute, tmp_path: Path, workplace: Path, pretrained: tuple[str, str]
) -> None:
    ratings = (workplace / "ratings.csv").read_text().splitlines()
    (workplace / "ratings.csv").write_text("\n".join(ratings[:-1]) + "\n")
    error = refused(
        lambda: execute(tmp_path / "run", *RANKING, "model=neumf", *pretrained), 4, str(tmp_path / "gmf"), "other"
    )
    assert isinstance(error, CheckpointError)
    assert_recorded(tmp_path / "run", error)


def test_pretrained_runs_that_do_not_fit(execute: Execute, tmp_path: Path, pretrained: tuple[str, str]) -> None:
    settings = (*RANKING, "model=neumf", *pretrained)
    refused(lambda: execute(tmp_path / "a", *settings, "model.gmf_dim=16"), 4, ".weight is [", "16]")
    refused(lambda: execute(tmp_path / "b", *RANKING, "model=neumf", pretrained[0]), 2, "not given together")
    nowhere = (pretrained[0], f"model.pretrained_mlp='{tmp_path / 'nowhere'}'")
    refused(lambda: execute(tmp_path / "c", *RANKING, "model=neumf", *nowhere), 4, "nowhere")
    exchanged = (f"model.pretrained_gmf='{tmp_path / 'mlp'}'", f"model.pretrained_mlp='{tmp_path / 'gmf'}'")
    refused(lambda: execute(tmp_path / "d", *RANKING, "model=neumf", *exchanged), 4, "do not fit")


# -- what has no meaning -----------------------------------------------------------------------------------------------

REFUSED = {
    "a model of ratings": (("model=bias",), ("Bias", "task=ranking", "task=rating")),
    "a scale of ratings": (("model=biased_dot", "model.rating_range=true"), ("model.rating_range=true", "task=ranking")),
    "a validation loss": (("model=gmf", "scheduler=plateau"), ("scheduler=plateau", "task=ranking")),
    "a catalogue that is not compared": (("model=gmf", "task.datamodule.num_negatives=catalogue"), ("loss=bce", "softmax")),
    "BPR against a catalogue": (("model=gmf", "task.datamodule.num_negatives=catalogue", "task.objective.loss=bpr"), ("loss=bpr", "softmax")),
    "more places than candidates": (("model=gmf", "task.objective.ks=[10,11]"), ("11", "10 candidates", "sampled")),
    "more places than items": (("model=gmf", "task/protocol=full", "task.objective.ks=[31]", "task.monitor=val/auc/full"), ("31", "30 candidates", "full")),
    "a metric of another protocol": (("model=gmf", "task/protocol=sampled", "task.monitor=val/hr@10/full"), ("val/hr@10/full", "sampled9")),
    "a metric at another k": (("model=gmf", "task.objective.ks=[5]", "task.monitor=val/ndcg@10/full"), ("val/ndcg@10/full", "val/ndcg@5/full")),
    "the wrong direction": (("model=gmf", "task.mode=min"), ("task.mode=min",)),
    "a split that needs times": (("model=gmf", "dataset.time=null"), ("leave_one_out", "split=")),
}  # fmt: skip


@pytest.mark.parametrize(("overrides", "says"), REFUSED.values(), ids=REFUSED.keys())
def test_what_has_no_meaning_is_refused_before_the_first_step(
    execute: Execute, tmp_path: Path, overrides: tuple[str, ...], says: tuple[str, ...]
) -> None:
    error = refused(lambda: execute(tmp_path / "run", *RANKING, *overrides), 2, *says)
    if (tmp_path / "run").exists():
        assert_recorded(tmp_path / "run", error)
    assert not (tmp_path / "run" / "history.csv").exists()


@pytest.mark.parametrize("model", [model for model in MODELS if "rating" not in tasks_of(model)])
def test_a_model_of_rankings_does_not_predict_ratings(execute: Execute, tmp_path: Path, model: str) -> None:
    refused(lambda: execute(tmp_path / "run", f"model={model}"), 2, "task=rating", "task=ranking")


CONFIGS = {
    "num_negatives 0": ("task.datamodule.num_negatives=0", "≥ 1"),
    "num_negatives of a wrong name": ("task.datamodule.num_negatives=all", "catalogue"),
    "negative_alpha below 0": ("task.datamodule.negative_alpha=-1", "≥ 0"),
    "k 0": ("task.objective.ks=[0]", "≥ 1"),
    "no such protocol": ("task/protocol=ful", "full"),
    "no such loss": ("task.objective.loss=hinge", "bpr"),
    "num_candidates 0": ("task.datamodule.num_candidates=0", "≥ 1"),
    "what only a run knows": ("+task.objective.popularity=3", "popularity"),
}  # fmt: skip


@pytest.mark.parametrize(("override", "accepted"), CONFIGS.values(), ids=CONFIGS.keys())
def test_configuration_is_refused_before_data_is_read(
    train: Train, workplace: Path, override: str, accepted: str
) -> None:
    before = tree_digest(workplace)
    completed = train(*TINY, "task=ranking", "model=gmf", "dataset.path=not-there.csv", override)
    assert_refused(completed, 2, override.split("=")[0].lstrip("+"), accepted)
    assert tree_digest(workplace) == before


# -- ratings files -----------------------------------------------------------------------------------------------------


def write(workplace: Path, rows: list[tuple[int, int]]) -> None:
    lines = [f"{user},{item},4,{1_000_000_000 + row}" for row, (user, item) in enumerate(rows)]
    (workplace / "ratings.csv").write_text("\n".join(["user,item,rating,time", *lines]) + "\n")


def test_a_user_who_rated_everything_and_one_who_rated_once(execute: Execute, tmp_path: Path, workplace: Path) -> None:
    """Neither hangs nor inflates: both are counted where a reader of the run looks."""
    pairs = [(user, item) for user in range(1, 20) for item in range(user % 3, 24, 3)]
    write(workplace, [*pairs, *((50, item) for item in range(24)), (60, 0)])
    result = execute(tmp_path / "run", "task=ranking", "model=gmf", "task.datamodule.avoid_held_out=true")
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["split"]["users_left_out"] == {"fewer than 3 ratings": 1}
    assert record["evaluation"]["positives_without_negatives"] == 22
    assert record["evaluation"]["test"]["fewest"] == 0
    assert result["n"]["test"] == 20
    assert result["metrics"]["test/hr@10/sampled99"] <= 1


def test_nobody_with_ratings_enough(execute: Execute, tmp_path: Path, workplace: Path) -> None:
    write(workplace, [(user, user % 7) for user in range(1, 60)])
    refused(lambda: execute(tmp_path / "run", *RANKING, "model=gmf"), 3, "59 users have fewer than 3 ratings")


def test_row_order_changes_nothing(execute: Execute, tmp_path: Path, workplace: Path) -> None:
    found = [execute(tmp_path / "a", *RANKING, "model=gmf")["metrics"]]
    header, *rows = (workplace / "ratings.csv").read_text().splitlines()
    (workplace / "ratings.csv").write_text("\n".join([header, *reversed(rows)]) + "\n")
    found.append(execute(tmp_path / "b", *RANKING, "model=gmf")["metrics"])
    assert found[0] == found[1]
    states = [load(tmp_path / name / "checkpoints" / "last.ckpt")["state_dict"] for name in ("a", "b")]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_both_protocols_are_printed(train: Train) -> None:
    completed = train(*TINY, *RANKING, "model=popularity", "trainer.epochs=1")
    assert completed.returncode == 0, completed.stderr
    for part in ("val", "test"):
        for protocol in ("sampled9", "full"):
            assert f"{part}/hr@10/{protocol}" in completed.stdout
            unit = "40 users" if protocol == "full" else "40 held-out items"
            assert re.search(rf"{part}/ndcg@10/{protocol} \d\.\d+  \(n = {unit}\)$", completed.stdout, re.MULTILINE)


def test_each_protocol_counts_what_it_is_a_mean_over(execute: Execute, tmp_path: Path) -> None:
    """Several held-out items per user: full is a mean over users, sampled over items, which have their own candidates."""
    execute(tmp_path / "run", *RANKING, "model=popularity", "trainer.epochs=1", "split=user_ratio")
    arrays = arrays_of(tmp_path / "run")
    units = json.loads((tmp_path / "run" / "run.json").read_text())["units"]["test"]
    assert units["sampled9"] == {"n": len(arrays["test/user"]), "unit": "held-out items"}
    assert units["full"] == {"n": len(set(arrays["test/user"].tolist())), "unit": "users"}
    assert units["full"]["n"] < units["sampled9"]["n"]


# -- what a reviewer would find ----------------------------------------------------------------------------------------


def test_one_held_out_item(train: Train, workplace: Path) -> None:
    (workplace / "ratings.csv").write_text("user,item,rating,time\n" + "".join(f"1,{i},3,{i}\n" for i in range(1, 5)))
    settings = (
        "task.datamodule.batch_size=1",
        "task.datamodule.num_negatives=catalogue",
        "task.objective.loss=softmax",
    )
    done = train(*TINY, "task=ranking", "model=gmf", "task/protocol=full", "task.objective.ks=[1]", *settings)
    assert done.returncode == 0, done.stderr
    assert "test/hr@1/full" in done.stdout


def test_a_protocol_is_stated_once(execute: Execute, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"task.datamodule.protocol=full, and task.objective.protocol=both"):
        execute(tmp_path / "run", "task=ranking", "model=gmf", "task.datamodule.protocol=full")


def test_a_tower_needs_a_rate_per_layer(execute: Execute, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="3 rates for 2 hidden layers"):
        execute(
            tmp_path / "run",
            "task=ranking",
            "model=neumf",
            "model.hidden_dims=[16,8]",
            "task.datamodule.num_candidates=5",
            "task.objective.ks=[5]",
        )


def test_equations_without_a_solution(execute: Execute, tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match="no solution"):
        execute(
            tmp_path / "run",
            "task=ranking",
            "model=ease",
            "model.regularization=1e-30",
            "task.datamodule.num_candidates=5",
            "task.objective.ks=[5]",
        )
