"""The order of an epoch: the same, drawn ahead or not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from hydrarec.data.batching.orders import Orders

CPU = torch.device("cpu")


def test_an_order_has_every_row_once_and_depends_on_seed_and_epoch_only() -> None:
    orders = Orders(500, 3, CPU)
    first = orders.of_epoch(4)
    assert torch.equal(first.sort().values, torch.arange(500))
    assert torch.equal(first, Orders(500, 3, CPU).of_epoch(4))
    assert not torch.equal(first, orders.of_epoch(5))
    assert not torch.equal(first, Orders(500, 4, CPU).of_epoch(4))


def test_drawn_ahead_it_is_the_same_in_any_sequence_of_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(Tensor, "pin_memory", lambda self: self)  # needs a GPU
    monkeypatch.setattr(Orders, "_pinned", lambda self, epoch: (drawn.append(epoch), original(self, epoch))[1])
    orders = Orders(200, 7, CPU)
    orders._thread = ThreadPoolExecutor(1)  # as on a GPU
    for epoch in (0, 1, 2, 6, 6, 0):  # a resumed run jumps
        order = orders.of_epoch(epoch)
        assert order.dtype == torch.int64
        assert torch.equal(order, Orders(200, 7, CPU).of_epoch(epoch))
    orders._thread.shutdown()
    assert drawn == [0, 1, 2, 3, 6, 7, 6, 7, 0, 1]  # in sequence each is drawn once


original = Orders._pinned
