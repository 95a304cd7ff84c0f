"""Oracle of ranking evaluation by definition, one user at a time, in pure Python: candidates, and the mean over users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.oracles.ranking import expected_metrics

Sets = Mapping[int, set[int]]


def in_full(scores: Sequence[Sequence[float]], held_out: Sets, seen: Sets, ks: Sequence[int]) -> dict[str, float]:
    """Mean over the users of ``held_out`` of the metrics among all items but those that the user has seen."""
    per_user = []
    for user, relevant in held_out.items():
        candidates = [item for item in range(len(scores[user])) if item not in seen.get(user, set())]
        places = {place for place, item in enumerate(candidates) if item in relevant}
        per_user.append(expected_metrics([scores[user][item] for item in candidates], places, ks))
    return mean(per_user)


def among_candidates(
    scores: Sequence[Sequence[float]], queries: Sequence[tuple[int, int, Sequence[int]]], ks: Sequence[int]
) -> dict[str, float]:
    """Mean over queries (user, held-out item, candidates) of the metrics of the item among itself and its candidates."""
    return mean(
        [
            expected_metrics([scores[user][item], *(scores[user][other] for other in candidates)], {0}, ks)
            for user, item, candidates in queries
        ]
    )


def mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
