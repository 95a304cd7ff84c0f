"""Matrix products at sampled entries, against the full product."""

from __future__ import annotations

import pytest
import torch

from hydrarec.models.parts import sampled
from hydrarec.models.parts.sampled import SampledProduct

ROWS = torch.tensor([0, 2, 2, 0, 2, 2])  # in no order, row 1 nowhere, one pair twice
COLUMNS = torch.tensor([3, 0, 4, 1, 0, 2])


@pytest.mark.parametrize("scratch", [2**18, 6, 1])  # all at once, two at a time, one at a time
def test_values_and_gradients_are_those_of_the_whole_product(scratch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampled, "_SCRATCH_FLOATS", scratch)
    torch.manual_seed(0)
    left, right = torch.randn(3, 3, requires_grad=True), torch.randn(5, 3, requires_grad=True)
    weights = torch.randn(6)
    expected = (left @ right.T)[ROWS, COLUMNS]
    gradients = torch.autograd.grad((expected * weights).sum(), (left, right))
    found = SampledProduct.apply(left, right, ROWS, COLUMNS)
    torch.testing.assert_close(found, expected)
    for own, whole in zip(torch.autograd.grad((found * weights).sum(), (left, right)), gradients, strict=True):
        torch.testing.assert_close(own, whole)


def test_no_entries_at_all() -> None:
    left, right = torch.randn(3, 3, requires_grad=True), torch.randn(5, 3, requires_grad=True)
    found = SampledProduct.apply(left, right, ROWS[:0], COLUMNS[:0])
    assert found.shape == (0,)
    for gradient in torch.autograd.grad(found.sum(), (left, right)):
        assert gradient.count_nonzero() == 0
    assert SampledProduct.apply(left[:0], right, ROWS[:0], COLUMNS[:0]).shape == (0,)
