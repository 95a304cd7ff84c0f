"""Ranking from implicit feedback: training, negatives, evaluation, MovieLens 20M's size, CUDA."""

from __future__ import annotations

import argparse
import statistics
import tempfile

import torch
from torchmetrics.retrieval import RetrievalHitRate, RetrievalNormalizedDCG

from benchmarks.cuda import bench_cuda
from benchmarks.figures import Figure, built, cpu, paired
from benchmarks.ncf import bench_negatives, bench_training, overrides
from benchmarks.scale import bench_epoch, bench_memory, bench_optimizers
from hydrarec.tasks.metrics.corrections import estimators_of
from hydrarec.tasks.metrics.ranks import RankCollector, Ranks, count_candidate_ranks
from hydrarec.tasks.metrics.top_list import metrics_of
from hydrarec.training.fit import Parts


def bench_ranking(arguments: argparse.Namespace) -> list[Figure]:
    """All parts of ranking from implicit feedback."""
    parts = (
        bench_training,
        bench_negatives,
        bench_evaluation,
        bench_epoch,
        bench_memory,
        bench_optimizers,
        bench_cuda,
    )
    return [figure for part in parts for figure in part(arguments)]


def bench_evaluation(arguments: argparse.Namespace) -> list[Figure]:
    """ML-1M's shape, a dot product of 64, every user's held-out item: scoring, ranks and metrics, on one thread."""
    torch.set_num_threads(1)
    figures = []
    with tempfile.TemporaryDirectory() as scratch:
        for protocol, most in (("sampled", 0.1), ("full", 1.0)):
            settings = overrides("model=dot", "model.embedding_dim=64", f"task/protocol={protocol}")
            parts, _, _ = built(settings, scratch)
            for thorough, when in ((False, "in an epoch"), (True, "in the end")):
                once = lambda: cpu(lambda: evaluate(parts, thorough))  # noqa: B023, E731
                once()
                seconds = statistics.median(once() for _ in range(arguments.repeats))
                asked = "for orientation" if thorough else f"< {most} s"
                figures.append(Figure(f"evaluation, {protocol}, {when}", seconds, "CPU s", None, None, asked))
    return [*figures, against_torchmetrics(arguments)]


@torch.no_grad()
def evaluate(parts: Parts, thorough: bool) -> None:
    """What the Trainer has the model do; ``thorough`` adds what is left to the last evaluation."""
    estimators_of.cache_clear()  # of the corrections of sampled metrics: once per run
    objective = parts.model.objective
    objective.reset(thorough=thorough)
    for chunk in parts.datamodule.test_dataloader():
        for batch in chunk:
            objective.evaluate(parts.model, batch)
    objective.report()


def against_torchmetrics(arguments: argparse.Namespace) -> Figure:
    """HR@10 and NDCG@10 of 6,040 × (1 + 99) scores."""
    scores = torch.rand(6040, 100)
    users = torch.arange(6040)
    repeated = users.repeat_interleave(100)
    relevant = torch.zeros(6040, 100, dtype=torch.int64)
    relevant[:, 0] = 1

    def ours() -> float:
        found = metrics_of(ranks(), [10])
        return float(found["hr@10"].mean() + found["ndcg@10"].mean())

    def ranks() -> Ranks:
        collector = RankCollector()
        better, tied = count_candidate_ranks(scores[:, 0], scores[:, 1:])
        collector.update(users, Ranks(users, better, tied, torch.full_like(users, 100)))
        return collector.ranks()[1]

    def theirs() -> float:
        metrics = RetrievalHitRate(top_k=10), RetrievalNormalizedDCG(top_k=10)
        for metric in metrics:
            metric.update(scores.flatten(), relevant.flatten(), indexes=repeated)
        return float(sum(metric.compute() for metric in metrics))

    assert abs(ours() - theirs()) < 1e-5
    fast, slow, share = paired(lambda: 1 / cpu(ours), lambda: 1 / cpu(theirs), arguments.repeats)
    return Figure(
        "HR and NDCG of 6,040 × 100 scores against torchmetrics", fast, "per CPU s", slow, share, "ratio ≥ 50"
    )
