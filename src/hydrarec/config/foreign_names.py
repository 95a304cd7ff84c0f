"""Names of settings and options in other libraries, and what they are called here."""

from __future__ import annotations

# Last part of a key elsewhere → the key here.
KEYS = {
    "lr": "optimizer.learning_rate",
    "learning_rate": "optimizer.learning_rate",
    "wd": "optimizer.weight_decay",
    "max_epochs": "trainer.epochs",
    "n_epochs": "trainer.epochs",
    "num_epochs": "trainer.epochs",
    "batch_size": "task.datamodule.batch_size",
    "train_batch_size": "task.datamodule.batch_size",
    "neg_sampling": "task.datamodule.num_negatives",
    "topk": "task.objective.ks",
    "limit_train_batches": "trainer.limit_batches",
    "num_threads": "trainer.threads",
    "gpus": "trainer.devices",
    "num_devices": "trainer.devices",
    "embedding_size": "model.embedding_dim",
    "latent_dim": "model.embedding_dim",
    "n_factors": "model.embedding_dim",
    "num_factors": "model.embedding_dim",
    "dim": "model.embedding_dim",
    "layers": "model.hidden_dims",
    "hidden_sizes": "model.hidden_dims",
    "mlp_hidden_size": "model.hidden_dims",
    "delimiter": "dataset.separator",
    "sep": "dataset.separator",
    "log_dir": "output_dir",
    "default_root_dir": "output_dir",
    "ckpt_path": "resume",
    "checkpoint": "resume",
    "resume_from_checkpoint": "resume",
    "random_state": "seed",
    "random_seed": "seed",
}

# Keys elsewhere → the setting here, where the value is another one too.
SETTINGS = {
    "fast_dev_run": "trainer=debug",
    "overfit_batches": "trainer=debug",
    "num_sanity_val_steps": "trainer=debug",
    "early_stopping": "callbacks=early_stopping",
    "patience": "callbacks=early_stopping",
}

# A setting with a value that other libraries accept → the setting here.
VALUES = {
    **dict.fromkeys(
        (f"trainer.precision={name}" for name in ("16-mixed", "16", "bf16", "bf16-true", "16-true", "mixed")),
        "trainer.precision=bf16-mixed",
    ),
    **dict.fromkeys((f"trainer.precision={name}" for name in ("32", "64", "64-true")), "trainer.precision=32-true"),
    **dict.fromkeys((f"trainer.accelerator={name}" for name in ("cuda", "mps", "tpu")), "trainer=gpu"),
    **dict.fromkeys((f"trainer.{key}=auto" for key in ("accelerator", "devices")), "trainer=cpu"),
    "trainer.devices=-1": "trainer.devices=1",
    **dict.fromkeys((f"trainer={name}" for name in ("cuda", "mps", "tpu")), "trainer=gpu"),
    "trainer=auto": "trainer=cpu",
    "trainer=fast_dev_run": "trainer=debug",
    **dict.fromkeys(
        (f"logger={name}" for name in ("wandb", "csv", "mlflow", "neptune", "comet", "aim", "many_loggers", "true")),
        "logger=tensorboard",
    ),
    **dict.fromkeys((f"logger={name}" for name in ("null", "false", "None")), "logger=none"),
    **dict.fromkeys((f"callbacks={name}" for name in ("null", "false", "None", "default")), "callbacks=none"),
    **dict.fromkeys((f"scheduler={name}" for name in ("null", "false", "none", "None")), "scheduler=constant"),
    **dict.fromkeys((f"filter={name}" for name in ("null", "false", "none", "None")), "filter=all"),
    **dict.fromkeys((f"split={name}" for name in ("loo", "LOO", "leave-one-out")), "split=leave_one_out"),
    "split=temporal": "split=global_time",
    **{f"dataset={name}": "dataset=ml-100k" for name in ("movielens", "ml100k", "u.data", "ml_100k")},
    **{
        f"dataset={short}{number}m": f"dataset=ml-{number}m"
        for short in ("ml", "ml_")
        for number in (1, 10, 20, 25, 32)
    },
    **dict.fromkeys((f"model={name}" for name in ("MF", "BPRMF", "bpr")), "model=mf"),
    "model=NeuMF": "model=neumf",
    "model=SVD++": "model=svdpp",
    "model=svd": "model=biased_dot",
    "model=als": "model=ials",
    "model=knn": "model=item_knn",
    "model=pop": "model=popularity",
}

# ~group → the option that takes its part out.
EMPTY = {"callbacks": "none", "logger": "none", "scheduler": "constant", "filter": "all"}
