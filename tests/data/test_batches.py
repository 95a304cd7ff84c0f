"""Construction of batches."""

from __future__ import annotations

from hydrarec.data.batching.batches import epoch_seed


def test_neighbouring_seeds_and_epochs_do_not_collide() -> None:
    seeds = {epoch_seed(seed, epoch, step) for seed in range(20) for epoch in range(20) for step in range(20)}
    assert len(seeds) == 8000
    assert all(0 <= seed < 2**63 for seed in seeds)
