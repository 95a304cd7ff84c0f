"""Settings that are valid one by one and impossible together; checked before any data is read."""

from __future__ import annotations

from typing import Any

from hydrarec.core.errors import ConfigError


def judge_together(config: dict[str, Any]) -> None:
    """Raise :class:`ConfigError` for the first conflict in a configuration whose values are valid."""
    _judge_epochs(config)
    _judge_scale(config["dataset"].get("scale") or {})
    for key, example in (("output_dir", "outputs"), ("name", "first-runs")):
        if not config[key].strip():
            raise ConfigError(
                f"{key} is empty", expected="the name of a folder", fix=f"{key}={example}", value=config[key]
            )


def _judge_scale(scale: dict[str, Any]) -> None:
    low, high, step = (scale.get(name) for name in ("low", "high", "step"))
    if low is not None and high is not None and low >= high:
        raise ConfigError(
            f"dataset.scale.low={low} is not below dataset.scale.high={high}",
            expected="the lowest and the highest rating, or null for those of the data",
            fix=f"dataset.scale.low={high} dataset.scale.high={low}" if low > high else "dataset.scale.low=null",
            value=low,
        )
    if step is not None and (step <= 0 or (low is not None and high is not None and step > high - low)):
        raise ConfigError(
            f"dataset.scale.step={step} is no distance between two ratings",
            expected="a number > 0 that fits between low and high",
            fix="dataset.scale.step=null",
            value=step,
        )


def _judge_epochs(config: dict[str, Any]) -> None:
    epochs, early = config["trainer"]["epochs"], config["callbacks"].get("early_stopping")
    if early is not None and early["patience"] >= epochs:
        raise ConfigError(
            f"callbacks.early_stopping.patience={early['patience']} can never act in trainer.epochs={epochs}",
            expected=f"a patience below {epochs}, or more epochs",
            fix=f"trainer.epochs={early['patience'] + 10}, or callbacks=none",
            value=early["patience"],
        )
    if {"burn_in", "thin"} <= set(config["model"]):
        needed = config["model"]["burn_in"] + config["model"]["thin"]
        if epochs < needed:
            raise ConfigError(
                f"trainer.epochs={epochs} ends before this model stores its first sample",
                expected=f"at least model.burn_in + model.thin = {needed} epochs",
                fix="experiment=best_rating, which has settings that belong together",
                value=epochs,
            )
