"""The same numbers on both devices: negatives, ranks and metrics exactly, losses and gradients to a tolerance."""

from __future__ import annotations

import tempfile
from typing import Any

import torch
from torch import Tensor

from benchmarks.figures import built
from gpu.harness import CASES, SMALL, Here
from hydrarec.data.batching.negatives import NegativeSampler, popularity_weights
from hydrarec.data.batching.samples import ContrastedSamples
from hydrarec.tasks.metrics.exposure import Exposure
from hydrarec.tasks.metrics.ranks import Ranks, count_ranks
from hydrarec.tasks.metrics.top_list import metrics_of

_SOLVED = ("bias", "bayesian_svdpp", "ease", "ials", "item_knn", "user_knn", "popularity", "pure_svd")


def negatives() -> dict[str, Any]:
    """The sampler's tables and a batch of draws, uniform and by popularity, equal bit for bit."""
    found: dict[str, Any] = {}
    users, items = _pairs(Here.users // 4, Here.items, Here.rows // 10)
    for name, alpha in (("uniform", 0.0), ("popularity", 0.75)):
        weights = popularity_weights(torch.bincount(items, minlength=Here.items), alpha) if alpha else None
        (tables_a, drawn_a), (tables_b, drawn_b) = (_drawn(users, items, weights, d) for d in ("cpu", Here.device))
        found[f"{name}: tables equal"] = all(torch.equal(a, b) for a, b in zip(tables_a, tables_b, strict=True))
        found[f"{name}: batches equal"] = all(torch.equal(a, b) for a, b in zip(drawn_a, drawn_b, strict=True))
    assert all(found.values()), found
    return found


def _pairs(users: int, items: int, rows: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    popular = (torch.rand(rows, generator=generator) ** 3 * items).long()
    keys = torch.unique(torch.randint(users, (rows,), generator=generator) * items + popular)
    return keys // items, keys % items


def _drawn(users: Tensor, items: Tensor, weights: Tensor | None, device: Any) -> tuple[list[Tensor], list[Tensor]]:
    users, items, positions = users.to(device), items.to(device), torch.arange(len(users), device=device)
    weights = None if weights is None else weights.to(device)
    sampler = NegativeSampler(users, items, Here.users // 4, Here.items, weights)
    rows = torch.randperm(len(users), generator=torch.Generator().manual_seed(2))[: 50 * 4096].to(device)
    (batch,) = ContrastedSamples(users, items, positions, sampler, 4, 2**61 + 7).batches(rows, 3, [len(rows)])
    tables = [table.cpu() for table in vars(sampler).values() if isinstance(table, Tensor)]
    return tables, [column.cpu() for column in batch]


def metrics() -> dict[str, Any]:
    """Ranks of scores with ties and masked items, and every metric from them."""
    generator = torch.Generator().manual_seed(2)
    scores = (torch.randn(500, 2000, generator=generator) * 50).round() / 50  # ties
    scores[torch.rand(500, 2000, generator=generator) < 0.1] = -torch.inf
    rows = torch.arange(500).repeat_interleave(3)
    cells = torch.stack([torch.randperm(2000, generator=generator)[:3] for _ in range(500)]).flatten()
    scores[rows, cells] = torch.randn(1500, generator=generator)
    found = []
    for device in ("cpu", Here.device):
        s, r, c = (t.to(device) for t in (scores, rows, cells))
        better, tied = count_ranks(s, r, c)
        exposure = Exposure(2000, [10, 100]).to(device)
        exposure.update(s.topk(100).indices)
        lists = exposure.compute(
            torch.arange(2000, device=device)
        )  # which of the tied are listed is the device's choice
        values = metrics_of(Ranks(r, better, tied, torch.full_like(r, 2000)), [1, 10, 100])
        found.append((better.cpu(), tied.cpu(), {k: v.cpu() for k, v in values.items()}, len(lists)))
    (b0, t0, v0, _), (b1, t1, v1, _) = found
    worst = max(float((v0[name] - v1[name]).abs().max()) for name in v0)
    assert torch.equal(b0, b1) and torch.equal(t0, t1) and worst < 1e-12, worst
    return {"ranks equal": True, "largest difference of a metric": worst}


def losses() -> dict[str, Any]:
    """One forward and backward pass of each trained model in float32, without TF32."""
    found = {name: _difference(overrides) for name, overrides in CASES.items() if name not in _SOLVED}
    beyond = {name: value for name, value in found.items() if value[0] > 1e-5 or value[1] > 1e-3}
    return {"all within 1e-5 (loss) and 1e-3 (gradients)": not beyond, "beyond": beyond} | {
        name: f"loss {loss:.1e}, gradients {gradients:.1e}" for name, (loss, gradients) in found.items()
    }


def _difference(overrides: list[str]) -> tuple[float, float]:
    """Relative difference of the losses, and the largest of a gradient, beside the norm of all: some should be 0, and are rounding."""
    (loss, gradients), (other, others) = (_pass(overrides, device) for device in ("cpu", Here.device))
    whole = sum(float(gradient.square().sum()) for gradient in gradients.values()) ** 0.5
    worst = max(float((gradients[name] - others[name]).norm()) for name in gradients)
    return abs(loss - other) / abs(loss), worst / whole


def _pass(overrides: list[str], device: Any) -> tuple[float, dict[str, Tensor]]:
    with tempfile.TemporaryDirectory() as scratch:
        parts, _, _ = built([*SMALL, *overrides, "trainer=cpu"], scratch)
    model = parts.model
    model.observe(parts.datamodule.training_data())
    batch = next(iter(parts.datamodule.train_dataloader()))[0]
    batch = type(batch)(*(column.to(device) for column in batch))
    model = model.to(device).eval()  # without dropout, and the VAE at its mean
    if type(model).__name__ == "MultiVAE":  # its own loss draws even then
        items = torch.arange(5, device=device)
        loss = model.objective.loss(model(batch.users[:, None], items), torch.zeros(len(batch.users), 5, device=device))
    else:
        loss = model.batch_loss(batch)
    loss.backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return float(loss.detach()), {n: (g.to_dense() if g.is_sparse else g).cpu().double() for n, g in gradients.items()}


PARTS = [(15.0, negatives), (15.0, metrics), (20.0, losses)]
