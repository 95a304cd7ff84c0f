"""Ready batches: every row once per epoch, in an order that is a function of (seed, epoch), from views of one gather."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hydrarec.data.batching.loaders import BatchLoader
from hydrarec.data.batching.samples import RatedSamples


def rows(count: int) -> RatedSamples:
    return RatedSamples(torch.arange(count), torch.arange(count) * 2, torch.arange(count) / 4)


def order(loader: BatchLoader, epoch: int) -> list[int]:
    loader.set_epoch(epoch)
    return [int(user) for chunk in loader for batch in chunk for user in batch.users]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 50), st.integers(1, 7), st.integers(0, 2**62), st.integers(1, 4))
def test_every_row_once_whatever_the_batch_chunk_seed_and_ranks(
    count: int, size: int, steps: int, seed: int, world: int
) -> None:
    seen: list[int] = []
    for rank in range(world):
        loader = BatchLoader(rows(count), batch_size=size, steps=steps, seed=seed, rank=rank, world_size=world)
        chunks = list(loader)
        assert len(chunks) == len(loader)
        batches = [batch for chunk in chunks for batch in chunk]
        assert len(batches) == loader.steps_per_epoch
        assert all(len(batch.users) == len(range(rank, size, world)) for batch in batches[:-1])
        seen += [int(user) for batch in batches for user in batch.users]
    assert sorted(seen) == list(range(count))


def test_columns_stay_together() -> None:
    for chunk in BatchLoader(rows(100), batch_size=8, steps=3, seed=5):
        for users, items, targets in chunk:
            assert torch.equal(items, users * 2)
            assert torch.equal(targets, users / 4)


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    first, again, other = (BatchLoader(rows(50), batch_size=8, steps=2, seed=seed) for seed in (1, 1, 2))
    orders = [order(first, epoch) for epoch in range(3)]
    assert len({tuple(entry) for entry in orders}) == 3
    assert order(again, 2) == orders[2]
    assert order(other, 2) != orders[2]


def test_evaluation_keeps_the_rows_in_their_order_each_time() -> None:
    loader = BatchLoader(rows(20), batch_size=6, steps=1, seed=None)
    for _ in range(2):
        assert [int(user) for chunk in loader for batch in chunk for user in batch.users] == list(range(20))


@pytest.mark.parametrize("taken", [0, 1, 2, 4])
def test_a_restored_position_goes_on_with_the_very_next_chunk(taken: int) -> None:
    whole = BatchLoader(rows(90), batch_size=10, steps=2, seed=3)
    whole.set_epoch(4)
    chunks = [torch.cat([batch.users for batch in chunk]) for chunk in whole]
    stopped = BatchLoader(rows(90), batch_size=10, steps=2, seed=3)
    stopped.set_epoch(4)
    iterator = iter(stopped)
    for _ in range(taken):
        next(iterator)
    resumed = BatchLoader(rows(90), batch_size=10, steps=2, seed=3)
    resumed.load_state_dict(stopped.state_dict())
    resumed.set_epoch(4)  # as the Trainer does after iter()
    rest = [torch.cat([batch.users for batch in chunk]) for chunk in resumed]
    assert len(rest) == len(chunks) - taken
    assert all(torch.equal(a, b) for a, b in zip(rest, chunks[taken:], strict=True))


def test_batches_are_views_of_one_gather_per_epoch() -> None:
    """No allocation per batch: all batches of a chunk share one storage."""
    chunk = next(iter(BatchLoader(rows(1000), batch_size=10, steps=50, seed=0)))
    assert len({batch.users.untyped_storage().data_ptr() for batch in chunk}) == 1
