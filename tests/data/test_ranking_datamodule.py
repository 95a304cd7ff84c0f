"""DataModule of ranking: positives with sampled negatives, held-out items as queries, no held-out pair in training."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.test_splits import NoFolds
from torch import Tensor

from hydrarec.core.errors import DataError
from hydrarec.data.batching.batches import Batch
from hydrarec.data.batching.loaders import BatchLoader
from hydrarec.data.batching.queries import QueryBatch
from hydrarec.data.datamodules.implicit import RankingDataModule
from hydrarec.data.interactions import Interactions, interactions_of
from hydrarec.data.splits import LeaveOneOut, Split, UserRatio
from hydrarec.data.table import RatingTable, Scale

NUM_USERS, NUM_ITEMS = 12, 17


def interactions_from(pairs: list[tuple[int, int]], num_items: int | None = None) -> Interactions:
    """``pairs`` in the order of time; an extra user touches every item once, first, so that each has an index."""
    everything = [(99, item) for item in range(num_items)] if num_items else []
    users, items = (np.array(column) for column in zip(*everything, *pairs, strict=True))
    table = RatingTable(
        users=users,
        items=items,
        ratings=np.ones(len(users), np.float32),
        timestamps=np.arange(len(users)),
        part=None,
        places=lambda rows: [],
    )
    return interactions_of(table, name="tiny", scale=Scale(low=1, high=5, step=1), duplicates="error", texts=None)


def some_interactions() -> Interactions:
    """12 users with 3 to 14 of 17 items each, and one who has touched all."""
    random = np.random.default_rng(0)
    pairs = [(u, int(i)) for u in range(NUM_USERS) for i in random.permutation(NUM_ITEMS)[: 3 + u]]
    return interactions_from(pairs, NUM_ITEMS)


def module(data: Interactions | None = None, split: Split | None = None, **changes: Any) -> RankingDataModule:
    data = data or some_interactions()
    settings: dict[str, Any] = {
        "given_candidates": None,
        "unit": "interactions",
        "batch_size": 24,
        "num_negatives": 3,
        "negative_alpha": 0.0,
        "avoid_held_out": False,
        "protocol": "both",
        "num_candidates": 4,
        "eval_seed": 0,
        "eval_memory": 1,
        "steps_per_call": 2,
        "seed": 5,
    }
    split = split or LeaveOneOut(seed=0, val=True)(data, NoFolds())
    return RankingDataModule(interactions=data, split=split, **{**settings, **changes})


def batches_of(loader: BatchLoader, epoch: int = 0) -> list[Batch]:
    loader.set_epoch(epoch)
    return [batch for chunk in loader for batch in chunk]


def pairs_of(users: Any, items: Any) -> set[tuple[int, int]]:
    return set(zip(np.asarray(users).tolist(), np.asarray(items).tolist(), strict=True))


def pairs_in(made: RankingDataModule, *parts: str) -> set[tuple[int, int]]:
    rows = np.concatenate([getattr(made.split, part) for part in parts])
    return pairs_of(made.interactions.users[rows], made.interactions.items[rows])


def negatives_in(batches: list[Batch]) -> list[tuple[int, int]]:
    return [
        (int(user), int(item))
        for batch in batches
        for user, row in zip(batch.users, batch.items, strict=True)
        for item in row[1:]
    ]


# -- training ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_negatives", [1, 4])
def test_each_positive_comes_once_with_its_negatives(num_negatives: int) -> None:
    made = module(num_negatives=num_negatives)
    batches = batches_of(made.train_dataloader())
    assert len(batches) == made.steps_per_epoch
    for batch in batches:
        rows = len(batch.users)
        assert batch.users.shape == (rows, 1)
        assert batch.items.shape == batch.targets.shape == (rows, 1 + num_negatives)
        assert torch.equal(batch.targets, torch.eye(1 + num_negatives)[0].expand(rows, -1))
        assert rows <= 24 // (1 + num_negatives)  # batch_size counts negatives too
    positives = [(int(u), int(i)) for b in batches for u, i in zip(b.users, b.items[:, 0], strict=True)]
    full = NUM_USERS  # who touched everything, and still has a negative: two of the items are held out
    assert sorted(positives) == sorted(pairs_in(made, "train"))
    assert made.num_samples == len(positives) * (1 + num_negatives)
    assert any(user == full for user, _ in positives)


def test_no_negative_is_a_training_positive_and_held_out_items_may_be_drawn() -> None:
    made = module()
    drawn = [pair for epoch in range(20) for pair in negatives_in(batches_of(made.train_dataloader(), epoch))]
    assert not set(drawn) & pairs_in(made, "train")
    assert set(drawn) & pairs_in(made, "val", "test")


def test_held_out_items_are_never_drawn_where_that_is_asked_for() -> None:
    made = module(avoid_held_out=True)
    drawn = [pair for epoch in range(20) for pair in negatives_in(batches_of(made.train_dataloader(), epoch))]
    assert not set(drawn) & pairs_in(made, "train", "val", "test")
    assert NUM_USERS not in {user for user, _ in drawn}, "who touched everything has nothing left"


@pytest.mark.parametrize("alpha", [0.0, 0.75])
@pytest.mark.parametrize("avoid_held_out", [False, True])
def test_users_without_a_negative_are_left_out_and_counted(alpha: float, avoid_held_out: bool) -> None:
    """User 0 has touched all items; user 1's one untouched item was touched by nobody in training."""
    pairs = [(0, item) for item in range(6)] + [(1, item) for item in (0, 1, 2, 3, 4)] + [(2, item) for item in (0, 1)]
    data = interactions_from(pairs)
    test = data.rows_of(np.array([0, 2]), np.array([5, 1]))
    train = np.setdiff1d(np.arange(len(data)), test)
    made = module(
        data,
        Split(train, np.empty(0, np.int64), test, "by hand"),
        negative_alpha=alpha,
        avoid_held_out=avoid_held_out,
        batch_size=4,
    )
    left_out = set()
    if avoid_held_out or alpha:  # item 5 is user 0's own held-out one, and without a weight
        left_out.add(0)
    if alpha:
        left_out.add(1)
    batches = batches_of(made.train_dataloader())
    assert {int(user) for batch in batches for user in batch.users} == {0, 1, 2} - left_out
    assert made.report()["positives_without_negatives"] == 5 * len(left_out)


def test_nobody_with_a_negative() -> None:
    data = interactions_from([(user, item) for user in range(3) for item in range(4)])
    with pytest.raises(DataError, match="every user has touched every item"):
        module(data, avoid_held_out=True, batch_size=4)


def test_a_batch_larger_than_the_epoch() -> None:
    positives = len(module().split.train)
    for size in (4 * positives, 4 * positives + 1):
        made = module(batch_size=size)
        assert (made.steps_per_epoch, made.batch_size) == (1, 4 * positives)


def test_negatives_are_fresh_in_every_epoch_and_the_same_in_the_same() -> None:
    made, again, other = module(), module(), module(seed=6)

    def drawn(of: RankingDataModule, epoch: int) -> list[tuple[int, int]]:
        return sorted(negatives_in(batches_of(of.train_dataloader(), epoch)))

    assert drawn(made, 3) == drawn(again, 3)
    assert len({tuple(drawn(made, epoch)) for epoch in range(4)}) == 4
    assert drawn(other, 3) != drawn(made, 3)


@pytest.mark.parametrize("changes", [{"batch_size": 60}, {"steps_per_call": 5}])
def test_negatives_do_not_depend_on_batch_size_and_chunks(changes: dict[str, Any]) -> None:
    one, other = (
        {
            (int(user), int(row[0])): row[1:].tolist()
            for batch in batches_of(made.train_dataloader(), 2)
            for user, row in zip(batch.users, batch.items, strict=True)
        }
        for made in (module(), module(**changes))
    )
    assert one == other


def test_a_resumed_loader_goes_on_with_the_same_negatives() -> None:
    whole = batches_of(module().train_dataloader(), 4)
    stopped = module().train_dataloader()
    stopped.set_epoch(4)
    iterator = iter(stopped)
    taken = [*next(iterator), *next(iterator)]
    resumed = module().train_dataloader()
    resumed.load_state_dict(stopped.state_dict())
    rest = [batch for chunk in resumed for batch in chunk]
    assert_same(taken + rest, whole)


def assert_same(batches: list[Any], expected: list[Any]) -> None:
    assert len(batches) == len(expected)
    for batch, other in zip(batches, expected, strict=True):
        assert all(torch.equal(one, another) for one, another in zip(batch, other, strict=True))


def test_against_the_whole_catalogue() -> None:
    made = module(num_negatives="catalogue", batch_size=10)
    for batch in batches_of(made.train_dataloader()):
        assert batch.users.shape == (len(batch.users), 1)
        assert torch.equal(batch.items, torch.arange(NUM_ITEMS).unsqueeze(0))
        assert batch.targets.dtype == torch.int64
        assert pairs_of(batch.users.squeeze(1), batch.targets) <= pairs_in(made, "train")
    assert made.num_samples == len(made.split.train)


def test_whole_users() -> None:
    made = module(unit="users", batch_size=5)
    seen = torch.cat([batch.users for batch in batches_of(made.train_dataloader())])
    assert sorted(seen.tolist()) == sorted({user for user, _ in pairs_in(made, "train")})
    assert "positives_without_negatives" not in made.report()


# -- evaluation --------------------------------------------------------------------------------------------------------


def queries_of(loader: Any) -> list[QueryBatch]:
    return [batch for chunk in loader for batch in chunk]


def by_id(batches: list[QueryBatch]) -> dict[int, tuple[int, int, list[int], set[int]]]:
    """User, item, candidates and seen items of each query, by its id; each id comes once."""
    found: dict[int, tuple[int, int, list[int], set[int]]] = {}
    for batch in batches:
        seen: dict[int, set[int]] = {row: set() for row in range(len(batch.users))}
        for row, item in zip(batch.seen_rows.tolist(), batch.seen_items.tolist(), strict=True):
            seen[row].add(item)
        for row, item, number, candidates in zip(
            batch.rows.tolist(), batch.items.tolist(), batch.ids.tolist(), batch.candidates.tolist(), strict=True
        ):
            assert number not in found
            found[number] = (int(batch.users[row]), item, candidates, seen[row])
    return found


@pytest.mark.parametrize(("part", "earlier"), [("val", ("train",)), ("test", ("train", "val"))])
def test_queries_are_the_held_out_items_and_what_was_seen_before_them(part: str, earlier: tuple[str, ...]) -> None:
    data = some_interactions()
    made = module(data, UserRatio(seed=0, val=0.2, test=0.3, order="time")(data, NoFolds()))
    rows = getattr(made.split, part)
    found = by_id(queries_of(getattr(made, f"{part}_dataloader")()))
    assert sorted(found) == list(range(len(rows)))
    for number, (user, item, candidates, seen) in found.items():
        assert (user, item) == (int(data.users[rows[number]]), int(data.items[rows[number]]))
        assert seen == {its for owner, its in pairs_in(made, *earlier) if owner == user}
        touched = {its for owner, its in pairs_in(made, "train", "val", "test") if owner == user}
        real = [candidate for candidate in candidates if candidate >= 0]
        assert len(set(real)) == len(real) == min(4, NUM_ITEMS - len(touched))
        assert not set(real) & touched


@pytest.mark.parametrize("memory", [1, 64])
def test_users_per_batch_follow_the_memory(memory: int) -> None:
    loader = module(eval_memory=memory).test_dataloader()
    assert loader.users_per_batch == memory * 2**20 // (12 * NUM_ITEMS)


def test_candidates_depend_on_eval_seed_and_not_on_the_seed_of_training() -> None:
    drawn = [
        torch.cat([batch.candidates for batch in queries_of(module(**changes).test_dataloader())])
        for changes in ({}, {"seed": 77}, {"eval_seed": 1})
    ]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_validation_and_test_have_candidates_of_their_own() -> None:
    made = module()
    val, test = (by_id(queries_of(loader)) for loader in (made.val_dataloader(), made.test_dataloader()))
    assert [val[number][0] for number in val] == [test[number][0] for number in test]  # the same users
    assert any(val[number][2] != test[number][2] for number in val)


def test_the_full_protocol_draws_none() -> None:
    made = module(protocol="full")
    assert all(batch.candidates.shape[1] == 0 for batch in queries_of(made.test_dataloader()))
    assert set(made.report()) == {"protocol", "positives_without_negatives"}


def test_the_datasets_own_candidates_are_those_of_the_test_part() -> None:
    data = some_interactions()
    split = LeaveOneOut(seed=0, val=True)(data, NoFolds())
    own = np.arange(2 * len(split.test), dtype=np.int32).reshape(-1, 2) % NUM_ITEMS
    order = np.random.default_rng(0).permutation(len(split.test))
    made = module(data, split, given_candidates=(split.test[order], own[order]), num_candidates=2)
    found = by_id(queries_of(made.test_dataloader()))
    assert [found[number][2] for number in sorted(found)] == own.tolist()
    assert made.report()["test"]["drawn"] == "by the dataset's authors"
    assert made.report()["val"]["drawn"] == "from eval_seed 0"


def test_the_report_counts_queries_with_fewer_candidates() -> None:
    made = module(num_candidates=10)
    left = [NUM_ITEMS - 3 - user for user in range(NUM_USERS)] + [0]  # untouched items of the queries' users
    report = made.report()["test"]
    assert report["candidates"] == 10
    assert report["fewest"] == min(left)
    assert report["queries_with_fewer"] == sum(number < 10 for number in left)


def test_no_parts_no_queries() -> None:
    data = some_interactions()
    assert module(data, LeaveOneOut(seed=0, val=False)(data, NoFolds())).val_dataloader() == []


# -- several processes -------------------------------------------------------------------------------------------------


def ranked(made: RankingDataModule, rank: int, world: int) -> RankingDataModule:
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    made.trainer = SimpleNamespace(strategy=strategy, global_rank=rank, world_size=world)  # type: ignore[assignment]
    return made


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3), st.integers(4, 80), st.integers(1, 4), st.integers(0, 5))
def test_processes_together_take_the_batches_of_one(world: int, size: int, steps: int, epoch: int) -> None:
    changes = {"batch_size": size, "steps_per_call": steps}
    whole = batches_of(module(**changes).train_dataloader(), epoch)
    shares = [batches_of(ranked(module(**changes), rank, world).train_dataloader(), epoch) for rank in range(world)]
    assert all(len(share) == len(whole) for share in shares)
    for batch, *parts in zip(whole, *shares, strict=True):
        for column in ("users", "items", "targets"):
            joined = torch.empty_like(getattr(batch, column))
            for rank, part in enumerate(parts):
                joined[rank::world] = getattr(part, column)
            assert torch.equal(joined, getattr(batch, column))


@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("part", ["val", "test"])
def test_processes_together_evaluate_each_query_once(world: int, part: str) -> None:
    whole = by_id(queries_of(getattr(module(), f"{part}_dataloader")()))
    together: dict[int, Any] = {}
    for rank in range(world):
        share = by_id(queries_of(getattr(ranked(module(), rank, world), f"{part}_dataloader")()))
        assert not together.keys() & share.keys()
        together |= share
    assert together == whole


# -- nothing of the held-out parts is in training ----------------------------------------------------------------------


def tensors_in(made: object, seen: set[int] | None = None) -> list[Tensor]:
    """All tensors in an object, at any depth."""
    seen = set() if seen is None else seen
    if id(made) in seen:
        return []
    seen.add(id(made))
    if isinstance(made, Tensor):
        return [made]
    inner = made.values() if isinstance(made, dict) else made if isinstance(made, list | tuple) else []
    if not isinstance(made, str | int | float) and hasattr(made, "__dict__"):
        inner = [*inner, *vars(made).values()]
    return [tensor for entry in inner for tensor in tensors_in(entry, seen)]


@pytest.mark.parametrize("alpha", [0.0, 0.75])
def test_training_tensors_do_not_change_with_what_is_held_out(alpha: float) -> None:
    """Replacing the held-out items leaves all training tensors unchanged."""
    pairs = [(user, (user + step) % 15) for step in range(5) for user in range(10)]
    held = [(user, (user + 5) % 15) for user in range(10)], [(user, (user + 9) % 15) for user in range(10)]
    found = []
    for last in held:
        data = interactions_from([*pairs, *last], num_items=15)
        test = data.rows_of(*(np.array(column) for column in zip(*last, strict=True)))
        train = np.setdiff1d(np.arange(len(data)), test)
        made = module(data, Split(train, np.empty(0, np.int64), np.sort(test), "by hand"), negative_alpha=alpha)
        loader = made.train_dataloader()
        found.append((tensors_in(loader.samples), tensors_in(made.training_data()), batches_of(loader)))
    for one, other in zip(found[0][:2], found[1][:2], strict=True):
        assert len(one) == len(other) > 2
        assert all(torch.equal(first, second) for first, second in zip(one, other, strict=True))
    assert_same(found[0][2], found[1][2])


def test_training_data_are_implicit_and_of_the_training_part_alone() -> None:
    made = module()
    data = made.training_data()
    assert data.scale is None
    assert torch.equal(data.targets, torch.ones(len(made.split.train)))
    assert pairs_of(data.users, data.items) == pairs_in(made, "train")
    assert torch.equal(torch.argsort(data.users * NUM_ITEMS + data.items), torch.arange(len(data.users)))
    assert data.fingerprint == f"{made.interactions.fingerprint}-{made.split.fingerprint}"


def test_popularity_is_that_of_the_training_part() -> None:
    """Item 4 is in a held-out pair of everybody and in no training pair: it is never drawn."""
    data = interactions_from([(user, item) for user in range(8) for item in (user % 4, (user + 1) % 4, 4)])
    made = module(data, LeaveOneOut(seed=0, val=False)(data, NoFolds()), negative_alpha=0.5, batch_size=4)
    drawn = Counter(item for epoch in range(10) for _, item in negatives_in(batches_of(made.train_dataloader(), epoch)))
    assert set(drawn) == {0, 1, 2, 3}
