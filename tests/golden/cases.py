"""Golden runs by name, as command lines of ``hydrarec-train``, and the small ratings files that they read.

Use only names that a user types, no modules or functions, so that the code may be restructured freely.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """One golden run.

    Args:
        overrides: overrides of ``hydrarec-train``, after ``COMMON``.
        resume: overrides of a second command that trains the finished run further; None: there is no second command.
        sweep: the command is a sweep over seeds, whose jobs are runs of their own.
    """

    overrides: tuple[str, ...]
    resume: tuple[str, ...] | None = None
    sweep: bool = False


COMMON = ("logger=none", "trainer.epochs=2", "trainer.steps_per_call=2", "task.datamodule.batch_size=32")
CSV = ("dataset=csv", "dataset.path=../../ratings.csv", "dataset.time=time")
FILES = (
    "dataset=csv",
    "dataset.path=../../train.csv",
    "dataset.val_path=../../val.csv",
    "dataset.test_path=../../test.csv",
    "dataset.time=time",
)
SYNTHETIC = ("dataset=synthetic", "dataset.num_users=40", "dataset.num_items=30", "dataset.num_ratings=400")
RANKING = ("task=ranking", "task.datamodule.num_candidates=9", "task.objective.ks=[5]")
SMALL_TABLES = ("model.embedding_dim=8",)
# For models without a mean to start from: two epochs leave them below 1, where clipped predictions would all be equal.
UNCLIPPED = ("task.objective.clip=false", "optimizer.learning_rate=0.03")

# The network of reference E1, which was `model=e1` when the hashes were written.
E1 = (
    "model=ncf_mlp",
    "model.embedding_dim=8",
    "model.hidden_dims=[64,32]",
    "model.dropout=[0.0,0.0]",
    "model.init_scale=0.05",
)

RATING_MODELS: dict[str, tuple[str, ...]] = {
    "bias": (),
    "dot": (*SMALL_TABLES, *UNCLIPPED),
    "biased_dot": SMALL_TABLES,
    "mlp": SMALL_TABLES,
    "onehot_mlp": SMALL_TABLES,
    "i_autorec": ("model.hidden_dim=8", "task.datamodule.batch_size=4"),
    "u_autorec": ("model.hidden_dim=8", "task.datamodule.batch_size=4"),
    "svdpp": SMALL_TABLES,
    "bayesian_svdpp": ("model.embedding_dim=4", "model.burn_in=1", "model.thin=1", "model.num_samples=1"),
    "gmf": (*SMALL_TABLES, *UNCLIPPED),
    "ncf_mlp": (*SMALL_TABLES, *UNCLIPPED),
    "neumf": UNCLIPPED,
    "mf": (*SMALL_TABLES, *UNCLIPPED),
}
RANKING_MODELS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("dot", "biased_dot", "mlp", "onehot_mlp", "svdpp", "gmf", "ncf_mlp"), SMALL_TABLES),
    "neumf": ("model.dropout=[0.1,0.1,0.1]",),
    "mf": SMALL_TABLES,
    "lightgcn": SMALL_TABLES,
    "multi_vae": ("model.hidden_dims=[16]", "model.latent_dim=8", "task.datamodule.batch_size=8"),
    "ials": SMALL_TABLES,
    "ease": (),
    "pure_svd": SMALL_TABLES,
    "item_knn": ("model.topk=5",),
    "user_knn": ("model.topk=5",),
    "popularity": (),
}

CASES: dict[str, Case] = {
    **{f"rating {name}": Case((*CSV, f"model={name}", *own)) for name, own in RATING_MODELS.items()},
    **{f"ranking {name}": Case((*CSV, *RANKING, f"model={name}", *own)) for name, own in RANKING_MODELS.items()},
    "rating e1": Case((*CSV, *E1, *UNCLIPPED)),
    "ranking e1": Case((*CSV, *RANKING, *E1)),
    # -- splits: `random` and `leave_one_out` are those of the models above
    "split folds": Case((*CSV, "split=folds", "split.fold=2")),
    "split given": Case((*FILES, "split=given")),
    "split given, last held out": Case((*CSV, *RANKING, "dataset.test_path=../../test.csv", "dataset.path=../../train.csv",
                                        "split=given", "split.hold_out_last=true", "model=gmf")),
    "split global_time": Case((*CSV, "split=global_time")),
    "split legacy": Case((*CSV, "split=legacy")),
    "split train_test": Case((*CSV, "split=train_test")),
    "split train_val": Case((*CSV, "split=train_val")),
    "split user_ratio": Case((*CSV, *RANKING, "split=user_ratio", "model=gmf")),
    "split user_ratio, random order": Case((*CSV, "split=user_ratio", "split.order=random", "split.seed=1")),
    # -- optimisers and schedules: `adam` and `constant` are those of the models above
    "adamw, one_cycle": Case((*CSV, "model=mlp", "optimizer=adamw", "scheduler=one_cycle")),
    "sgd, stages": Case((*CSV, "optimizer=sgd", "scheduler=stages",
                         "scheduler.stages=[{epochs:1,learning_rate:0.01},{epochs:1,learning_rate:0.1}]")),
    "adagrad, plateau": Case((*CSV, "model=svdpp", "optimizer=adagrad", "scheduler=plateau", "scheduler.patience=0",
                              "scheduler.threshold=0.5", "trainer.epochs=4")),
    "rowwise_adam, cosine_restarts": Case((*CSV, *RANKING, "model=gmf", "model.embedding=sparse",
                                           "optimizer=rowwise_adam", "optimizer.learning_rate=0.001",
                                           "scheduler=cosine_restarts", "trainer.epochs=4")),
    # -- filters, datasets, embeddings, callbacks
    "filter five_core": Case((*CSV, "filter=five_core")),
    "filter liked": Case((*CSV, *RANKING, "filter=liked", "filter.user_fraction=0.8", "model=gmf")),
    "dataset synthetic": Case((*SYNTHETIC, "dataset.seed=3", "seed=2")),
    "embedding lookup": Case((*CSV, "model=dot", "model.embedding=lookup", "model.l2=0.001", *UNCLIPPED)),
    "rating range": Case((*CSV, "model=biased_dot", "model.rating_range=true", "task.objective.clip=false")),
    "early stopping": Case((*CSV, "callbacks=early_stopping", "callbacks.early_stopping.patience=1",
                            "callbacks.early_stopping.min_delta=100", "trainer.epochs=5")),
    # -- losses (`bce` above), negatives and protocols
    "loss bpr, sampled": Case((*CSV, *RANKING, "task/protocol=sampled", "model=biased_dot", "task.objective.loss=bpr",
                               "task.datamodule.negative_alpha=0.5")),
    "loss softmax, full": Case((*CSV, *RANKING, "task/protocol=full", "model=dot", "task.objective.loss=softmax")),
    "loss softmax, catalogue": Case((*CSV, *RANKING, "model=gmf", "task.objective.loss=softmax",
                                     "task.datamodule.num_negatives=catalogue")),
    # -- runs that need another run, other processes or other devices
    "pretrained neumf": Case((*CSV, *RANKING, "model=neumf", "model.gmf_dim=8", "model.mlp_dim=8",
                              "model.pretrained_gmf=../ranking-gmf/run",
                              "model.pretrained_mlp=../ranking-ncf_mlp/run")),
    "resumed rating": Case((*CSV, "model=mlp"), resume=("trainer.epochs=4",)),
    "resumed ranking": Case((*CSV, *RANKING, "model=neumf", "scheduler=cosine_restarts"), resume=("trainer.epochs=4",)),
    "sweep basic": Case((*CSV, "model=mlp", "seed=0,1"), sweep=True),
    "sweep joblib": Case(("hydra/launcher=joblib", *CSV, "model=mlp", "seed=0,1"), sweep=True),
    "ddp rating": Case((*CSV, "trainer=ddp", "trainer.devices=2", "model.user_dropout=0", "model.item_dropout=0")),
    "ddp ranking": Case((*CSV, *RANKING, "trainer=ddp", "trainer.devices=2", "model=gmf")),
}  # fmt: skip


def write_ratings(folder: Path) -> None:
    """``ratings.csv``, and the same rows as ``train.csv``, ``val.csv`` and ``test.csv``.

    40 users × 30 items, about 400 ratings from 1 to 5; the later items have few, so that ``five_core`` drops some. The
    numbers are those of Python's own generator, which are the same in all versions.
    """
    draw = random.Random(0)
    rows = []
    for user in range(1, 41):
        for item in range(1, 31):
            if draw.random() < 0.6 - 0.55 * item / 30:
                rating = min(5, max(1, round(3.5 + draw.gauss(0, 0.6) + (user % 3 - 1) * (item % 4 - 1.5) / 2)))
                rows.append(f"{user},{item},{rating},{1_000_000_000 + draw.randrange(100_000_000)}")
    parts = {"ratings": rows, "train": [], "val": [], "test": []}
    for row in rows:
        parts[draw.choices(("train", "val", "test"), (8, 1, 1))[0]].append(row)
    for name, lines in parts.items():
        (folder / f"{name}.csv").write_text("\n".join(["user,item,rating,time", *lines]) + "\n", encoding="utf-8")
