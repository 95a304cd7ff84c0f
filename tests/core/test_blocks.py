"""Blocks: the caches' size on a CPU, the card's on a GPU."""

from __future__ import annotations

import pytest
import torch

from hydrarec.core import blocks

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def test_a_cpu_works_on_what_fits_into_its_caches() -> None:
    assert blocks.floats_at_once(CPU, 2**20) == 2**20


@pytest.mark.parametrize(("gib", "floats"), [(8, 2**23), (128, 2**27)])
def test_a_gpus_blocks_grow_with_the_card(gib: int, floats: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_memory", lambda device: gib * 2**30)
    assert blocks.floats_at_once(GPU, 2**20) == floats
    assert blocks.floats_at_once(GPU, 2**28) == 2**28  # never less than on a CPU
