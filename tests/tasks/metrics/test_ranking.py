"""Ranking metrics against hand arithmetic, an oracle that enumerates every order of the ties, and torchmetrics."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
import torch
import torch.multiprocessing as multiprocessing
from tests.oracles.ranking import expected_metrics
from torch import Tensor
from torchmetrics.retrieval import (
    RetrievalAUROC,
    RetrievalHitRate,
    RetrievalMAP,
    RetrievalMRR,
    RetrievalNormalizedDCG,
    RetrievalPrecision,
    RetrievalRecall,
)

from hydrarec.tasks.metrics.ranks import RankCollector, Ranks, count_candidate_ranks, count_ranks
from hydrarec.tasks.metrics.top_list import metrics_of

KS = [1, 2, 3, 5, 10]


def ranked(scores: Tensor, relevant: Tensor) -> Ranks:
    """``scores``: float [U, M], −inf for no candidate; ``relevant``: bool [U, M]."""
    rows, items = torch.nonzero(relevant, as_tuple=True)
    return Ranks(rows, *count_ranks(scores, rows, items), (scores > -torch.inf).sum(1)[rows])


def one(better: int, tied: int, candidates: int) -> Ranks:
    return Ranks(*(torch.tensor([value]) for value in (0, better, tied, candidates)))


def test_by_hand() -> None:
    """Third of 100, alone there."""
    found = metrics_of(one(better=2, tied=0, candidates=100), [2, 10])
    assert {name: value.item() for name, value in found.items()} == {
        "hr@2": 0, "recall@2": 0, "precision@2": 0, "ndcg@2": 0, "mrr@2": 0, "map@2": 0,
        "hr@10": 1, "recall@10": 1, "precision@10": 1 / 10,
        "ndcg@10": pytest.approx(1 / math.log2(3 + 1)),
        "mrr@10": pytest.approx(1 / 3), "map@10": pytest.approx(1 / 3), "auc": pytest.approx(1 - 2 / 99),
    }  # fmt: skip
    assert all(value.dtype == torch.float64 for value in found.values())


def test_a_constant_scorer_gets_exactly_chance() -> None:
    scores = torch.zeros(7, 99)
    better, tied = count_candidate_ranks(torch.zeros(7), scores)
    found = metrics_of(Ranks(torch.arange(7), better, tied, torch.full((7,), 100)), [10, 100])
    assert (found["hr@10"] == 10 / 100).all()
    assert (found["recall@10"] == 10 / 100).all()
    assert (found["auc"] == 0.5).all()
    assert (found["hr@100"] == 1).all()
    torch.testing.assert_close(found["mrr@10"], torch.full_like(found["auc"], sum(1 / r for r in range(1, 11)) / 100))


def test_a_constant_scorer_with_several_relevant_items() -> None:
    """3 of 20 relevant: no hit among the first 5 with chance C(17, 5) / C(20, 5)."""
    found = metrics_of(ranked(torch.zeros(1, 20), torch.arange(20)[None] < 3), [5])
    assert found["hr@5"].item() == pytest.approx(1 - math.comb(17, 5) / math.comb(20, 5), abs=1e-12)
    assert found["recall@5"].item() == pytest.approx(5 / 20, abs=1e-12)
    assert found["precision@5"].item() == pytest.approx(3 / 20, abs=1e-12)


@pytest.mark.parametrize("seed", range(60))
def test_equal_to_every_order_of_the_ties(seed: int) -> None:
    """Ten queries per seed: up to six candidates on one to six score levels, one to all of them relevant."""
    draw = random.Random(seed)
    width = draw.randint(1, 6)
    scores = torch.tensor([[float(draw.randint(0, draw.randint(0, 5))) for _ in range(width)] for _ in range(10)])
    relevant = torch.zeros(10, width, dtype=torch.bool)
    for row in relevant:
        row[draw.sample(range(width), draw.randint(1, width))] = True
    found = metrics_of(ranked(scores, relevant), KS)
    for row in range(10):
        expected = expected_metrics(scores[row].tolist(), set(torch.nonzero(relevant[row]).squeeze(1).tolist()), KS)
        assert {name: values[row].item() for name, values in found.items()} == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("k", [1, 5, 20, 60])
def test_equal_to_torchmetrics_without_ties(k: int) -> None:
    generator = torch.Generator().manual_seed(k)
    scores = torch.stack([torch.randperm(40, generator=generator) for _ in range(50)]).float() + 1
    relevant = torch.rand(50, 40, generator=generator) < 0.1
    relevant[torch.arange(50), torch.randint(0, 40, (50,), generator=generator)] = True
    found = metrics_of(ranked(scores, relevant), [k])
    oracles = {
        f"hr@{k}": RetrievalHitRate(top_k=k),
        f"recall@{k}": RetrievalRecall(top_k=k),
        f"precision@{k}": RetrievalPrecision(top_k=k),
        f"ndcg@{k}": RetrievalNormalizedDCG(top_k=k),
        f"mrr@{k}": RetrievalMRR(top_k=k),
        "auc": RetrievalAUROC(),
    }
    indexes = torch.arange(50).repeat_interleave(40)
    for name, oracle in oracles.items():
        expected = oracle(scores.flatten() / 100, relevant.flatten(), indexes=indexes)
        assert found[name].mean().item() == pytest.approx(expected.item(), abs=1e-6), name
    # torchmetrics divides by the relevant items found, not by those that could be: equal where k reaches all.
    if k >= 40:
        expected = RetrievalMAP()(scores.flatten() / 100, relevant.flatten(), indexes=indexes)
        assert found[f"map@{k}"].mean().item() == pytest.approx(expected.item(), abs=1e-6)


def test_queries_of_one_item_equal_the_same_in_one_query_each() -> None:
    ranks = Ranks(*(torch.tensor(c) for c in ([4, 4, 9], [0, 3, 0], [2, 0, 1], [9, 9, 9])))
    found = metrics_of(ranks, [3])
    assert all(len(values) == 2 for values in found.values())
    assert found["recall@3"].tolist() == pytest.approx([(1 + 0) / 2, 1])


def test_the_order_within_a_query_does_not_matter() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.randint(0, 4, (20, 15), generator=generator).float()
    ranks = ranked(scores, torch.rand(20, 15, generator=generator) < 0.3)
    shuffled = torch.randperm(len(ranks.queries), generator=generator)
    shuffled = shuffled[ranks.queries[shuffled].argsort(stable=True)]
    first, second = metrics_of(ranks, KS), metrics_of(Ranks(*(column[shuffled] for column in ranks)), KS)
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("floats", [1, 37, 100, 10**6])
def test_counts_do_not_depend_on_the_blocks(floats: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hydrarec.tasks.metrics.ranks._SCRATCH_FLOATS", floats)
    generator = torch.Generator().manual_seed(1)
    scores = torch.randint(0, 5, (30, 12), generator=generator).float()
    scores[torch.rand(30, 12, generator=generator) < 0.2] = -torch.inf
    rows, items = torch.nonzero(scores > -torch.inf, as_tuple=True)
    better, tied = count_ranks(scores, rows, items)
    lists = scores.tolist()
    for t, (row, item) in enumerate(zip(rows.tolist(), items.tolist(), strict=True)):
        assert better[t] == sum(score > lists[row][item] for score in lists[row])
        assert tied[t] == sum(score == lists[row][item] for score in lists[row]) - 1


def test_candidates_that_only_fill_up_do_not_count() -> None:
    others = torch.tensor([[3.0, 1.0, 2.0, 2.0], [9.0, 2.0, 0.0, math.nan]])
    valid = torch.tensor([[True, True, True, True], [False, True, True, False]])
    better, tied = count_candidate_ranks(torch.tensor([2.0, 2.0]), others, valid)
    assert better.tolist() == [1, 0]
    assert tied.tolist() == [2, 1]


def test_a_query_without_other_candidates() -> None:
    found = metrics_of(one(better=0, tied=0, candidates=1), [10])
    assert found["auc"].item() == 0.5
    assert found["hr@10"].item() == 1


def test_nothing_held_out() -> None:
    empty = Ranks(*[torch.empty(0, dtype=torch.int64)] * 4)
    assert all(values.shape == (0,) for values in metrics_of(empty, [10]).values())


def test_what_cannot_be_ranked_is_refused() -> None:
    nan, zero = torch.tensor([[1.0, math.nan]]), torch.tensor([0])
    with pytest.raises(ValueError, match="NaN"):
        count_ranks(nan, zero, zero)
    with pytest.raises(ValueError, match="NaN"):
        count_candidate_ranks(torch.tensor([1.0]), nan)
    with pytest.raises(ValueError, match="−inf"):
        count_ranks(torch.tensor([[-torch.inf, 1.0]]), zero, zero)
    with pytest.raises(ValueError, match="non-decreasing"):
        metrics_of(Ranks(*(torch.tensor(c) for c in ([1, 0], [0, 0], [0, 0], [2, 2]))), [1])
    with pytest.raises(ValueError, match="share a rank"):
        metrics_of(Ranks(*(torch.tensor(c) for c in ([0, 0], [0, 0], [0, 0], [2, 2]))), [1])
    with pytest.raises(ValueError, match="better or tied"):
        metrics_of(one(better=2, tied=1, candidates=3), [1])
    with pytest.raises(ValueError, match="k ≥ 1"):
        metrics_of(one(0, 0, 2), [0])


def collected(ids: Tensor, ranks: Ranks, shares: list[Tensor]) -> tuple[Tensor, Ranks]:
    collector = RankCollector()
    for share in shares:
        collector.update(ids[share], Ranks(*(column[share] for column in ranks)))
    return collector.ranks()


def table(count: int) -> tuple[Tensor, Ranks]:
    generator = torch.Generator().manual_seed(2)
    better, tied = (torch.randint(0, 9, (count,), generator=generator) for _ in range(2))
    return torch.arange(count), Ranks(torch.arange(count) // 3, better, tied, torch.full((count,), 20))


def test_the_collector_sorts_and_counts_once() -> None:
    ids, ranks = table(11)
    shares = [torch.tensor([7, 3, 10]), torch.tensor([], dtype=torch.int64), torch.tensor([0, 1, 2, 3, 4, 5, 6, 8, 9])]
    found_ids, found = collected(ids, ranks, shares)
    assert torch.equal(found_ids, ids)
    assert all(torch.equal(a, b) for a, b in zip(found, ranks, strict=True))
    with pytest.raises(ValueError, match="two different ranks"):
        collected(torch.zeros_like(ids), ranks, shares)


def gather(process: int, processes: int, file: str) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{file}", rank=process, world_size=processes)
    ids, ranks = table(11)
    # shares of very different size: the last process has none
    own = [torch.arange(0, 11, 2), torch.arange(1, 11, 2), torch.arange(0)][process]
    found_ids, found = collected(ids, ranks, [part for part in own.split(2) if len(part)])
    assert torch.equal(found_ids, ids)
    assert all(torch.equal(a, b) for a, b in zip(found, ranks, strict=True))
    torch.distributed.destroy_process_group()


@pytest.mark.e2e
def test_the_collector_gathers_over_processes(tmp_path: Path) -> None:
    multiprocessing.spawn(gather, args=(3, str(tmp_path / "meet")), nprocs=3)
