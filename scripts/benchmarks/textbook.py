"""Neural collaborative filtering as the textbooks write it: plain modules, single samples, negatives from a Python loop."""

from __future__ import annotations

import random
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset


class GMF(nn.Module):
    """Generalised matrix factorisation, as a tutorial writes it."""

    def __init__(self, num_users: int, num_items: int, width: int = 16) -> None:
        super().__init__()
        self.user, self.item = nn.Embedding(num_users, width), nn.Embedding(num_items, width)
        self.output = nn.Linear(width, 1)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return self.output(self.user(users) * self.item(items)).squeeze(-1)


class MLP(nn.Module):
    """Reference E1: embeddings of 8 → 64 → 32 → 1."""

    def __init__(self, num_users: int, num_items: int, width: int = 8) -> None:
        super().__init__()
        self.user, self.item = nn.Embedding(num_users, width), nn.Embedding(num_items, width)
        self.layers = nn.Sequential(nn.Linear(2 * width, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return self.layers(torch.cat([self.user(users), self.item(items)], dim=-1)).squeeze(-1)


class NeuMF(nn.Module):
    """Predictive factors 8."""

    def __init__(self, num_users: int, num_items: int) -> None:
        super().__init__()
        self.gmf_user, self.gmf_item = nn.Embedding(num_users, 8), nn.Embedding(num_items, 8)
        self.mlp_user, self.mlp_item = nn.Embedding(num_users, 32), nn.Embedding(num_items, 32)
        self.layers = nn.Sequential(
            nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU()
        )
        self.output = nn.Linear(16, 1)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        gmf = self.gmf_user(users) * self.gmf_item(items)
        mlp = self.layers(torch.cat([self.mlp_user(users), self.mlp_item(items)], dim=-1))
        return self.output(torch.cat([gmf, mlp], dim=-1)).squeeze(-1)


# The same of ours, which is no model of its own name.
E1 = (
    "model=ncf_mlp",
    "model.embedding_dim=8",
    "model.hidden_dims=[64,32]",
    "model.dropout=[0,0]",
    "model.init_scale=0.05",
)
MODELS: dict[str, Callable[[int, int], nn.Module]] = {"gmf": GMF, "e1": MLP, "neumf": NeuMF}


def small_embeddings(model: nn.Module) -> nn.Module:
    """N(0, 0.01²), as He et al. have it: PyTorch's own N(0, 1) saturates the loss, and numbers near 0 cost more."""
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.01)
    return model


class SingleSamples(Dataset):
    """One (user, item, label) per call; the negatives are drawn once, one by one, by rejection."""

    def __init__(self, users: list[int], items: list[int], num_items: int, num_negatives: int) -> None:
        known = set(zip(users, items, strict=True))
        draw = random.Random(0)
        self.samples: list[tuple[int, int, float]] = []
        for user, item in zip(users, items, strict=True):
            self.samples.append((user, item, 1.0))
            for _ in range(num_negatives):
                other = draw.randrange(num_items)
                while (user, other) in known:
                    other = draw.randrange(num_items)
                self.samples.append((user, other, 0.0))

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        user, item, label = self.samples[index]
        return torch.tensor(user), torch.tensor(item), torch.tensor(label)
