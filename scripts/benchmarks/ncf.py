"""Training of neural collaborative filtering on ML-1M's shape against a bare loop and the textbook; negative sampling."""

from __future__ import annotations

import argparse
import functools
import statistics
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from benchmarks import textbook
from benchmarks.figures import Figure, Work, built, cpu, in_turn, ratio, training_run
from hydrarec.config.composition import compose_config
from hydrarec.config.factory import factory
from hydrarec.data.batching.negatives import NegativeSampler
from hydrarec.data.interactions import Interactions

NUM_USERS, NUM_ITEMS, NUM_RATINGS = 6040, 3706, 1_000_000  # ML-1M
NUM_NEGATIVES, BATCH_SIZE = 4, 4096
RECBOLE, CORNAC = (
    141_000,
    72_000,
)  # samples per CPU second, measured on this machine type before ; not installed
TEXTBOOK_POSITIVES = 8_000  # a part of the data: its cost per sample does not depend on their number
UNIT = "samples per CPU s"


def overrides(*others: str) -> list[str]:
    """Arguments of a ranking run on synthetic data of ML-1M's shape."""
    return [
        "task=ranking",
        "dataset=synthetic",
        f"dataset.num_users={NUM_USERS}",
        f"dataset.num_items={NUM_ITEMS}",
        f"dataset.num_ratings={NUM_RATINGS}",
        "split.val=false",
        f"task.datamodule.batch_size={BATCH_SIZE}",
        f"task.datamodule.num_negatives={NUM_NEGATIVES}",
        "trainer.epochs=1",
        *others,
    ]


def bench_training(arguments: argparse.Namespace) -> list[Figure]:
    """Samples per CPU second of an epoch, on one thread."""
    torch.set_num_threads(1)
    figures = []
    for name, title in (("gmf", "GMF-16"), ("e1", "E1's MLP"), ("neumf", "NeuMF-8")):
        with tempfile.TemporaryDirectory() as scratch:
            settings = overrides(*(textbook.E1 if name == "e1" else [f"model={name}"]), "task/protocol=full")
            of_framework = functools.partial(framework, settings, scratch)
            of_bare, of_textbook = references(name, settings, scratch)
            for work in (of_framework, of_bare, of_textbook):
                work()
            ours, bare, single = in_turn((of_framework, of_bare, of_textbook), arguments.repeats)
        value = statistics.median(ours)
        for reference, measured, asked in (("bare loop", bare, 0.85), ("textbook", single, 20)):
            figures.append(
                Figure(
                    f"{title}, training against the {reference}",
                    value,
                    UNIT,
                    statistics.median(measured),
                    ratio(ours, measured),
                    f"ratio ≥ {asked}",
                )
            )
    for peer, speed, least in (("RecBole", RECBOLE, 4), ("Cornac", CORNAC, 9)):  # value: NeuMF-8's, the last one
        figures.append(
            Figure(f"NeuMF-8 against {peer}'s recorded figure", value, UNIT, speed, value / speed, f"ratio ≥ {least}")
        )
    return figures


def framework(settings: list[str], scratch: str) -> float:
    """A whole run: negatives, batches, steps, history, checkpoints, TensorBoard; only the evaluation is left out."""
    parts, folder, config = built(settings, scratch)
    nothing = np.empty(0, np.int64)
    parts.datamodule.split = replace(parts.datamodule.split, test=nothing)
    samples = parts.datamodule.num_samples
    return samples / cpu(lambda: training_run(parts, folder, config))


def references(name: str, settings: list[str], scratch: str) -> tuple[Work, Work]:
    """The bare loop over batches that lie ready, and the textbook, with our optimiser."""
    parts, _, _ = built(settings, scratch)
    data = parts.datamodule.training_data()
    make_optimizer = factory(compose_config(settings).optimizer)
    chunks = [batch for chunk in parts.datamodule.train_dataloader() for batch in chunk]
    columns = [torch.broadcast_tensors(batch.users, batch.items, batch.targets) for batch in chunks]
    flat = [torch.cat([column.flatten() for column in some]) for some in zip(*columns, strict=True)]
    order = torch.randperm(len(flat[0]))
    ready = list(zip(*(column[order].split(BATCH_SIZE) for column in flat), strict=True))
    some = torch.randperm(len(data.users))[:TEXTBOOK_POSITIVES]
    single = textbook.SingleSamples(data.users[some].tolist(), data.items[some].tolist(), NUM_ITEMS, NUM_NEGATIVES)
    loader = DataLoader(single, batch_size=BATCH_SIZE, shuffle=True)

    def per_second(batches: Iterable[tuple[Tensor, Tensor, Tensor]], samples: int) -> float:
        model = textbook.small_embeddings(textbook.MODELS[name](NUM_USERS, NUM_ITEMS))
        return samples / cpu(lambda: plain_loop(model, make_optimizer(model.parameters()), batches))

    return lambda: per_second(ready, len(order)), lambda: per_second(loader, len(single))


def plain_loop(
    model: nn.Module, optimizer: torch.optim.Optimizer, batches: Iterable[tuple[Tensor, Tensor, Tensor]]
) -> None:
    """An epoch as a tutorial writes it: zero the gradients, loss, backward, step."""
    criterion = nn.BCEWithLogitsLoss()
    for users, items, targets in batches:
        optimizer.zero_grad()
        loss = criterion(model(users, items), targets)
        loss.backward()
        optimizer.step()


def synthetic(num_users: int, num_items: int, num_ratings: int) -> Interactions:
    """Random interactions of the given shape."""
    shape = [f"dataset.num_users={num_users}", f"dataset.num_items={num_items}", f"dataset.num_ratings={num_ratings}"]
    made: Interactions = factory(compose_config(["dataset=synthetic", "dataset.rank=0", *shape]).dataset)().load()
    return made


def bench_negatives(arguments: argparse.Namespace) -> list[Figure]:
    """Exact draws in the shuffled order and the chunks of training, and what the sampler keeps in memory."""
    torch.set_num_threads(1)
    samplers = {
        "ML-1M": sampler_of(synthetic(NUM_USERS, NUM_ITEMS, NUM_RATINGS)),
        "ML-20M": sampler_of(synthetic(138_493, 26_744, arguments.rows)),
    }
    works = tuple(functools.partial(draws_per_second, *sampler) for sampler in samplers.values())
    for work in works:
        work()
    small, large = in_turn(works, arguments.repeats)
    unit, name = "draws per CPU s", "negatives, {}'s shape"
    found = [
        Figure(name.format("ML-1M"), statistics.median(small), unit, None, None, "≥ 5,000,000"),
        Figure(
            name.format("ML-20M"),
            statistics.median(large),
            unit,
            statistics.median(small),
            ratio(large, small),
            "ratio ≥ 1/3",
        ),
    ]
    for shape, (sampler, users) in samplers.items():
        held = sum(part.nbytes for part in vars(sampler).values() if isinstance(part, Tensor))
        found.append(
            Figure(
                f"sampler, {shape}'s shape", held / len(users), "bytes per interaction", None, None, "O(interactions)"
            )
        )
    return found


def sampler_of(data: Interactions) -> tuple[NegativeSampler, Tensor]:
    """The sampler of all interactions, and their users."""
    users, items = (torch.from_numpy(column.astype(np.int64)) for column in (data.users, data.items))
    return NegativeSampler(users, items, data.num_users, data.num_items), users


def draws_per_second(sampler: NegativeSampler, users: Tensor) -> float:
    """Negatives drawn per CPU second, for shuffled rows in the chunks of training."""
    rows = torch.randperm(len(users))[:NUM_RATINGS]
    chunks = rows.split(50 * BATCH_SIZE // (1 + NUM_NEGATIVES))  # trainer.steps_per_call batches
    batches = [(users[chunk], chunk) for chunk in chunks]
    draw: Callable[[], list] = lambda: [sampler.draw(*batch, NUM_NEGATIVES, seed=1) for batch in batches]  # noqa: E731
    return len(rows) * NUM_NEGATIVES / cpu(draw)
