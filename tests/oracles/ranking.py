"""Oracle of ranking metrics of one query by definition, averaged over every order of the ties; slow, pure Python."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction


def orders(scores: Sequence[float]) -> Iterator[list[int]]:
    """Every ranking of the candidates, best first, that their scores allow."""
    levels = sorted(set(scores), reverse=True)
    groups = [[item for item, score in enumerate(scores) if score == level] for level in levels]
    for parts in itertools.product(*(itertools.permutations(group) for group in groups)):
        yield [item for part in parts for item in part]


def metrics_of_one(order: Sequence[int], relevant: set[int], k: int) -> dict[str, Fraction]:
    """The textbook's definitions for one list without ties."""
    hits = [item in relevant for item in order]
    top = hits[:k]
    dcg = sum((Fraction(1 / math.log2(rank + 1)) for rank, hit in enumerate(top, start=1) if hit), Fraction())
    ideal = sum((Fraction(1 / math.log2(rank + 1)) for rank in range(1, min(k, len(relevant)) + 1)), Fraction())
    precisions = [Fraction(sum(hits[:rank]), rank) for rank, hit in enumerate(top, start=1) if hit]
    return {
        f"hr@{k}": Fraction(any(top)),
        f"recall@{k}": Fraction(sum(top), len(relevant)),
        f"precision@{k}": Fraction(sum(top), k),
        f"ndcg@{k}": dcg / ideal,
        f"mrr@{k}": Fraction(1, top.index(True) + 1) if any(top) else Fraction(),
        f"map@{k}": sum(precisions, Fraction()) / min(k, len(relevant)),
    }


def auc_of(scores: Sequence[float], relevant: set[int]) -> Fraction:
    pairs = [(scores[r], scores[o]) for r in relevant for o in range(len(scores)) if o not in relevant]
    won = sum((Fraction(1) if r > o else Fraction(1, 2) if r == o else Fraction() for r, o in pairs), Fraction())
    return won / len(pairs) if pairs else Fraction(1, 2)


def expected_metrics(scores: Sequence[float], relevant: set[int], ks: Sequence[int]) -> dict[str, float]:
    """``metrics_of_one`` averaged over all orders that the scores allow, in exact fractions until the end."""
    sums: dict[str, Fraction] = {}
    count = 0
    for order in orders(scores):
        count += 1
        for k in ks:
            for name, value in metrics_of_one(order, relevant, k).items():
                sums[name] = sums.get(name, Fraction()) + value
    means = {name: float(value / count) for name, value in sums.items()}
    return means | {"auc": float(auc_of(scores, relevant))}
