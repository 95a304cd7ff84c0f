"""The ranking objective against a slow oracle, and invariances of its metrics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.test_ranking_datamodule import interactions_from, module, ranked
from tests.data.test_splits import NoFolds
from tests.oracles import evaluation
from torch import Tensor

from hydrarec.core.errors import ConfigError
from hydrarec.data.batching.queries import QueryLoader
from hydrarec.data.datamodules.implicit import RankingDataModule
from hydrarec.data.splits import LeaveOneOut, UserRatio
from hydrarec.tasks.ranking import RankingObjective

KS = [1, 3, 5]


class Table:
    """A scorer that reads its scores from a table, [num_users, num_items]."""

    floats_per_pair = 1

    def __init__(self, scores: Tensor) -> None:
        self.scores = scores

    def __call__(self, users: Tensor, items: Tensor) -> Tensor:
        return self.scores[users, items]

    def catalogue_scores(self, users: Tensor) -> Tensor:
        return self.scores[users]


def made(seed: int = 0, *, shares: bool = True, **changes: Any) -> RankingDataModule:
    """9 users with 3 to 11 of 13 items; several held out per user, or one."""
    random = np.random.default_rng(seed)
    pairs = [(u, int(i)) for u in range(9) for i in random.permutation(13)[: 3 + u]]
    data = interactions_from(pairs, num_items=13)
    split = UserRatio(seed=seed, val=0.2, test=0.3, order="time") if shares else LeaveOneOut(seed=seed, val=True)
    return module(data, split(data, NoFolds()), **{"batch_size": 4, "num_candidates": 5, **changes})


def objective_of(made: RankingDataModule, protocol: str = "both", ks: list[int] | None = None) -> RankingObjective:
    data = made.training_data()
    return RankingObjective(
        loss="bce",
        protocol=protocol,  # type: ignore[arg-type]
        ks=ks or KS,
        num_candidates=made.num_candidates,
        popularity=torch.bincount(data.items, minlength=data.num_items),
    )


def evaluated(
    made: RankingDataModule,
    scores: Tensor,
    protocol: str = "both",
    part: str = "test",
    thorough: bool = False,
    **more: Any,
) -> tuple[dict[str, float], dict[str, Tensor]]:
    """Metrics and outcomes of a scorer; ``users_per_batch`` and ``ks`` may be given."""
    objective = objective_of(made, protocol, more.get("ks"))
    objective.reset(thorough=thorough)
    loader = getattr(made, f"{part}_dataloader")()
    if "users_per_batch" in more:
        loader = QueryLoader(loader.queries, users_per_batch=more["users_per_batch"])
    for chunk in loader:
        for batch in chunk:
            objective.evaluate(Table(scores), batch)
    return {name: float(value) for name, value in objective.report().items()}, objective.outcomes()


def random_scores(made: RankingDataModule, seed: int, levels: int | None = None) -> Tensor:
    """Different scores, or, with ``levels``, so few that there are ties."""
    shape = (made.interactions.num_users, made.interactions.num_items)
    generator = torch.Generator().manual_seed(seed)
    if levels is None:
        return torch.rand(shape, generator=generator)
    return torch.randint(levels, shape, generator=generator).float()


def sets_of(made: RankingDataModule, *parts: str) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for part in parts:
        for row in getattr(made.split, part):
            found.setdefault(int(made.interactions.users[row]), set()).add(int(made.interactions.items[row]))
    return found


# -- the oracle --------------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["val", "test"]), st.booleans(), st.sampled_from([None, 6]))
def test_metrics_are_those_of_the_oracle(seed: int, part: str, shares: bool, levels: int | None) -> None:
    data = made(seed, shares=shares)
    scores = random_scores(data, seed, levels)
    metrics, _ = evaluated(data, scores, part=part)
    table = scores.tolist()
    seen = sets_of(data, "train", "val") if part == "test" else sets_of(data, "train")
    expected = {f"{name}/full": v for name, v in evaluation.in_full(table, sets_of(data, part), seen, KS).items()}
    queries = [
        (int(batch.users[row]), item, [other for other in candidates if other >= 0])
        for chunk in getattr(data, f"{part}_dataloader")()
        for batch in chunk
        for row, item, candidates in zip(
            batch.rows.tolist(), batch.items.tolist(), batch.candidates.tolist(), strict=True
        )
    ]
    sampled = evaluation.among_candidates(table, queries, KS)
    expected |= {f"{name}/sampled5": value for name, value in sampled.items()}
    assert metrics == pytest.approx(expected, abs=1e-9)
    assert set(metrics) == set(RankingObjective.produced({"protocol": "both", "ks": KS, "num_candidates": 5}))


@pytest.mark.parametrize("protocol", ["sampled", "full"])
def test_each_protocol_alone_gives_what_both_give(protocol: str) -> None:
    data = made(protocol="both")
    scores = random_scores(data, 3, levels=4)
    both, outcomes = evaluated(data, scores)
    alone, own = evaluated(data, scores, protocol)
    name = "sampled5" if protocol == "sampled" else "full"
    assert alone == {key: value for key, value in both.items() if key.endswith(f"/{name}")}
    assert set(own) == {f"{name}/better", f"{name}/tied", f"{name}/candidates"}
    assert all(torch.equal(own[key], outcomes[key]) for key in own)
    assert set(alone) == set(RankingObjective.produced({"protocol": protocol, "ks": KS, "num_candidates": 5}))


# -- what must not change the figures ----------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["sampled", "full", "both"])
def test_figures_do_not_depend_on_the_memory_of_an_evaluation(protocol: str) -> None:
    data = made()
    scores = random_scores(data, 1, levels=5)
    whole = evaluated(data, scores, protocol, thorough=True)
    for size in (1, 2, 3, 7):
        metrics, outcomes = evaluated(data, scores, protocol, thorough=True, users_per_batch=size)
        assert metrics == whole[0]
        assert all(torch.equal(outcomes[name], whole[1][name]) for name in outcomes)


@pytest.mark.parametrize("world", [2, 3])
def test_shares_of_processes_hold_the_same_ranks(world: int) -> None:
    data = made()
    scores = random_scores(data, 2)
    _, whole = evaluated(data, scores)
    together = {name: torch.full_like(values, -1) for name, values in whole.items()}
    for rank in range(world):
        share = ranked(made(), rank, world)
        objective = objective_of(share)
        objective.reset(thorough=False)
        for chunk in share.test_dataloader():
            for batch in chunk:
                objective.evaluate(Table(scores), batch)
        ids, _ = objective.collectors["full"].ranks()
        for name, values in objective.outcomes().items():
            assert (together[name][ids] == -1).all()
            together[name][ids] = values
    assert all(torch.equal(together[name], whole[name]) for name in whole)


def test_scores_of_what_the_user_has_seen_do_not_count() -> None:
    """Even if they are the highest; sampled candidates never include seen items."""
    data = made()
    scores = random_scores(data, 4)
    for part, parts in (("test", ("train", "val")), ("val", ("train",))):
        changed = scores.clone()
        for user, items in sets_of(data, *parts).items():
            changed[user, sorted(items)] = 1e9
        assert evaluated(data, changed, part=part)[0] == evaluated(data, scores, part=part)[0]


def test_at_validation_the_items_of_the_test_part_are_not_masked() -> None:
    """They would tell where the test items are not."""
    data = made()
    scores = random_scores(data, 4)
    users = sets_of(data, "val").keys() & sets_of(data, "test").keys()
    for user in users:
        scores[user, sorted(sets_of(data, "test")[user])] = 1e9
    metrics, outcomes = evaluated(data, scores, part="val")
    rows = [int(data.interactions.users[row]) for row in data.split.val]
    better = [len(sets_of(data, "test").get(user, ())) for user in rows]
    assert all(found >= least for found, least in zip(outcomes["full/better"].tolist(), better, strict=True))
    assert metrics["hr@1/full"] == 0


def test_a_reset_forgets() -> None:
    data = made()
    objective = objective_of(data)
    found = []
    for seed in (1, 2, 1):
        objective.reset(thorough=True)
        for chunk in data.test_dataloader():
            for batch in chunk:
                objective.evaluate(Table(random_scores(data, seed)), batch)
        found.append({name: float(value) for name, value in objective.report().items()})
    assert found[0] == found[2] != found[1]


# -- chance ------------------------------------------------------------------------------------------------------------


def test_a_scorer_without_an_opinion_gets_exactly_chance() -> None:
    """200 items, two seen, one held out: hr@10 is 10/100 among 1 + 99 candidates and 10/198 in full."""
    pairs = [(user, (7 * user + step) % 200) for user in range(300) for step in range(3)]
    data = interactions_from(pairs)
    assert data.num_items == 200
    split = LeaveOneOut(seed=0, val=False)(data, NoFolds())
    scorer = module(data, split, num_candidates=99, batch_size=8)
    metrics, _ = evaluated(scorer, torch.full((300, 200), 0.3), ks=[10], thorough=True)
    assert metrics["hr@10/sampled99"] == pytest.approx(0.1, abs=1e-12)
    assert metrics["hr@10/full"] == pytest.approx(10 / 198, abs=1e-12)
    assert metrics["ndcg@10/sampled99"] == pytest.approx(sum(1 / math.log2(r + 1) for r in range(1, 11)) / 100)
    assert metrics["auc/full"] == metrics["auc/sampled99"] == 0.5
    # What is estimated from the sample is chance in full: 10/198 at the unbiased estimate of the rank
    assert metrics["hr@10/sampled99/unbiased"] == pytest.approx(10 / 198, abs=0.011)


def test_few_candidates_are_counted_as_few() -> None:
    """A user with three items left is ranked among four, and a constant scorer gets 1/4 at k = 1."""
    pairs = [(user, item) for user in range(4) for item in range(6 if user else 7)]
    pairs += [(user, 9) for user in range(4)]
    data = interactions_from(pairs + [(9, item) for item in range(10)] + [(8, item) for item in range(10)])
    split = LeaveOneOut(seed=0, val=False)(data, NoFolds())
    scorer = module(data, split, num_candidates=50, batch_size=4)
    metrics, outcomes = evaluated(scorer, torch.zeros(6, 10), ks=[1])
    untouched = [10 - 8, 10 - 7, 10 - 7, 10 - 7, 0, 0]
    assert outcomes["sampled50/candidates"].tolist() == [1 + number for number in untouched]
    chance = sum(1 / (1 + number) for number in untouched) / 6
    assert metrics["hr@1/sampled50"] == pytest.approx(chance)


def test_corrections_of_users_with_few_and_many_candidates() -> None:
    """The most active user has one item left, the least active all but three: every estimate is a number."""
    pairs = [(user, item) for user in range(2) for item in range(30)]
    pairs += [(user, (user + step) % 31) for user in range(2, 12) for step in range(3)]
    data = interactions_from([*pairs, (12, 30), (12, 0)])
    split = LeaveOneOut(seed=0, val=False)(data, NoFolds())
    scorer = module(data, split, num_candidates=99, batch_size=4)
    metrics, _ = evaluated(scorer, random_scores(scorer, 0), ks=[5], thorough=True)
    assert all(math.isfinite(value) for value in metrics.values()), metrics


# -- beyond accuracy ---------------------------------------------------------------------------------------------------


def test_a_thorough_evaluation_adds_what_is_recommended_and_corrections() -> None:
    data = made(shares=False)
    quick, thorough = (evaluated(data, random_scores(data, 0), thorough=way)[0] for way in (False, True))
    assert quick.items() <= thorough.items()
    more = thorough.keys() - quick.keys()
    beyond = {f"{name}@{k}/full" for name in ("coverage", "popularity", "gini") for k in KS}
    corrected = {f"{n}@{k}/sampled5/{e}" for n in ("hr", "ndcg") for k in KS for e in ("unbiased", "cls", "bv")}
    assert more == beyond | corrected


def test_recommended_lists_hold_nothing_that_was_seen() -> None:
    """Each user is recommended the first item that they have not seen."""
    data = made()
    scores = -torch.arange(13.0).expand(10, 13).clone()
    metrics, _ = evaluated(data, scores, ks=[1], thorough=True)
    seen = sets_of(data, "train", "val")
    users = sets_of(data, "test")
    first = [min(set(range(13)) - seen[user]) for user in users]
    counts = np.bincount(data.training_data().items, minlength=13)
    assert metrics["coverage@1/full"] == pytest.approx(len(set(first)) / 13)
    assert metrics["popularity@1/full"] == pytest.approx(np.mean(counts[first]))


# -- losses and refusals -----------------------------------------------------------------------------------------------

SCORES = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, -1.0]])
TARGETS = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])


def log_sigmoid(x: float) -> float:
    return -math.log(1 + math.exp(-x))


def test_losses_by_hand() -> None:
    data = made()
    by_name = {
        "bce": -(log_sigmoid(2) + log_sigmoid(-1) + log_sigmoid(0) + log_sigmoid(0) + log_sigmoid(-1) + log_sigmoid(1)) / 6,
        "bpr": -(log_sigmoid(1) + log_sigmoid(2) + log_sigmoid(-1) + log_sigmoid(1)) / 4,
        "softmax": -(
            2 - math.log(math.exp(2) + math.e + 1) + 0 - math.log(1 + math.e + math.exp(-1))
        ) / 2,
    }  # fmt: skip
    for name, value in by_name.items():
        counts = torch.ones(13, dtype=torch.int64)
        objective = RankingObjective(loss=name, protocol="full", ks=[1], num_candidates=5, popularity=counts)  # type: ignore[arg-type]
        assert objective.loss(SCORES, TARGETS).item() == pytest.approx(value), name
        if name == "softmax":  # against the whole catalogue the target is the positive's index
            assert objective.loss(SCORES, torch.tensor([0, 0])).item() == pytest.approx(value)
            assert objective.loss(SCORES, torch.tensor([1, 1])).item() == pytest.approx(
                -(1 - math.log(math.exp(2) + math.e + 1) + 1 - math.log(1 + math.e + math.exp(-1))) / 2
            )
    assert data.num_candidates == 5


def test_a_list_longer_than_the_catalogue() -> None:
    with pytest.raises(ConfigError, match="14, more than the 13 candidates of the full protocol"):
        objective_of(made(), "full", ks=[14])


def test_scores_that_are_nan_are_no_ranks() -> None:
    data = made()
    scores = random_scores(data, 0)
    scores[3, 2] = torch.nan
    with pytest.raises(ValueError, match="NaN"):
        evaluated(data, scores)
