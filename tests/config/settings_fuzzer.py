"""Random settings, and what each may be: a small table that knows nothing of hydrarec's own signatures.

A case is a choice of options and one or two hostile overrides. It must end in a :class:`ConfigError` (or its kin), or in a
configuration in which every value is what the table allows.
"""

from __future__ import annotations

import copy
import functools
import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hydrarec.config.command_line import parse
from hydrarec.config.composition import compose_config, flat, parse_overrides, plain
from hydrarec.config.judge import judge
from hydrarec.config.sweep_values import judge_sweep
from hydrarec.config.typed_overrides import check_overrides, groups, options
from hydrarec.core.contract import as_contract

Check = Callable[[Any], bool]
BASE = ("dataset=csv", "dataset.path=ratings.csv", "dataset.time=time")
REFUSALS = (2, 3, 6)


def whole(low: int, high: int) -> Check:
    return lambda value: type(value) is int and low <= value <= high


def number(low: float, high: float, *, open_: bool = False) -> Check:
    return lambda value: (
        type(value) in (int, float)
        and math.isfinite(value)
        and low <= value <= high
        and not (open_ and value in (low, high))
        and (value == 0 or abs(value) > 1e-38)
    )


def one_of(*values: object) -> Check:
    return lambda value: any(value == each and type(value) is type(each) for each in values)


def either(*checks: Check) -> Check:
    return lambda value: any(check(value) for check in checks)


def entries(check: Check, lengths: tuple[int, int] = (0, 10**6)) -> Check:
    return lambda value: isinstance(value, list) and lengths[0] <= len(value) <= lengths[1] and all(map(check, value))


def text(value: object) -> bool:
    return isinstance(value, str) and not re.search("[\ud800-\udfff]", value)


def stage(value: object) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"epochs", "learning_rate"}
        and whole(1, 10**6)(value["epochs"])
        and number(0, 1e16, open_=True)(value["learning_rate"])
    )


null = one_of(None)
switch = one_of(True, False)
size = whole(1, 2**31)
index = whole(0, 2**31)
repeats = whole(1, 10**6)
seed = whole(0, 2**63 - 1)
positive = number(0, 1e16, open_=True)
not_negative = number(0, 1e16)
share = number(0, 1)
below_one: Check = lambda value: share(value) and value < 1  # noqa: E731
layers = entries(size)
protocol = one_of("sampled", "full", "both")
column = either(text, lambda value: type(value) is int)  # a position is compared with the file's own columns

# By the end of the key; the first that fits.
MAY_BE: dict[str, Check] = {
    r"_target_": lambda value: text(value) and value.startswith(("hydrarec.", "torch.optim.")),
    r"(^|\.)(seed|eval_seed)": seed,
    r"random_state": whole(0, 2**32 - 1),
    r"^(output_dir|name)": lambda value: text(value) and value.strip() != "",
    r"^(resume|replay)": either(null, text),
    r"^(save_data|save_predictions)|logger\.tensorboard": switch,
    r"^published": null,
    r"^dataset\.(user|item)": column,
    r"^dataset\.(rating|time)": either(null, column),
    r"^dataset\.(name|encoding|path|stem|reader\.encoding)": either(null, text),
    r"^dataset\.(val_path|test_path|separator|ratings_sha256)": either(null, text),
    r"^dataset\.(about|archive)\..*": lambda value: True,
    r"^dataset\.(header|quoting)": switch,
    r"^dataset\.ids": one_of("auto", "string"),
    r"^dataset\.on_bad_rows": one_of("error", "drop"),
    r"^dataset\.duplicates": one_of("error", "last", "first", "mean"),
    r"^dataset\.(scale\.low|scale\.high|mean)": either(null, number(-1e16, 1e16)),
    r"^dataset\.scale\.step": either(null, positive),
    r"^dataset\.expected\.\w+": either(null, size),
    r"^dataset\.(num_\w+|rank)": size,
    r"^dataset\.\w+_sd": not_negative,
    r"^dataset\.\w+_head": number(0, 1),
    r"^filter\.min_rating": either(null, number(-1e16, 1e16)),
    r"^filter\.user_fraction": number(0, 1e16, open_=True),
    r"^filter\.core": size,
    r"^split\.(val|test)": either(switch, below_one, text),  # a share, a date, or whether there is one
    r"^split\.(folds|fold)": size,
    r"^split\.index": either(null, text),
    r"^split\.order": one_of("time", "random"),
    r"^split\.(official|hold_out_last)": switch,
    r"^task\.name": one_of("rating", "ranking"),
    r"^task\.monitor": either(null, text),
    r"^callbacks\.early_stopping\.monitor": text,
    r"\.mode": one_of("min", "max"),
    r"rating_range|global_mean|normalize": switch,
    r"(batch_size|num_candidates)": size,
    r"num_negatives": either(size, one_of("catalogue")),
    r"negative_alpha": number(0, 10),
    r"eval_memory": whole(1, 2**24),
    r"avoid_held_out|\.clip": switch,
    r"\.protocol": protocol,
    r"\.loss": text,
    r"\.ks": entries(size),
    r"^model\.(embedding_dim|gmf_dim|mlp_dim|hidden_dim|latent_dim|topk|thin|num_samples|anneal_steps)": size,
    r"^model\.(burn_in|oversampling)": index,
    r"^model\.num_layers": whole(1, 64),
    r"^model\.iterations": repeats,
    r"^model\.hidden_dims": layers,
    r"^model\.dropout": either(below_one, entries(below_one)),
    r"^model\.\w+_dropout": below_one,
    r"^model\.(alpha)": share,
    r"^model\.embedding": text,
    r"^model\.(init|feature_weighting)": either(null, text),
    r"^model\.(pretrained_gmf|pretrained_mlp)": either(null, text),
    r"^model\.regularization_exponent": number(0, 10),
    r"^model\.bias_regularization": either(null, not_negative),
    r"^model\.\w+": not_negative,
    r"^optimizer\.betas": entries(below_one, (2, 2)),
    r"^optimizer\.momentum": below_one,
    r"^optimizer\.nesterov": switch,
    r"^optimizer\.weight_decay": number(0, 1e6),
    r"^optimizer\.(learning_rate|eps)": positive,
    r"^scheduler\.(cycle_epochs|cycle_multiplier)": size,
    r"^scheduler\.(start_divisor|end_divisor)": positive,
    r"^scheduler\.factor": below_one,
    r"^scheduler\.warmup": number(0, 1, open_=True),
    r"^scheduler\.patience": index,
    r"^scheduler\.(threshold|minimum)": not_negative,
    r"^scheduler\.stages": entries(stage),
    r"^trainer\.accelerator": one_of("cpu", "gpu"),
    r"^trainer\.devices": size,
    r"^trainer\.threads": whole(1, 1024),
    r"^trainer\.epochs": repeats,
    r"^trainer\.steps_per_call": size,
    r"^trainer\.limit_batches": either(null, size),
    r"^trainer\.checkpoint_seconds": not_negative,
    r"^trainer\.precision": one_of("32-true", "bf16-mixed"),
    r"^trainer\.matmul": one_of("highest", "high"),
    r"^trainer\.(compile|detect_anomaly|deterministic)": switch,
    r"^callbacks\.\w+": null,
    r"^callbacks\.early_stopping\.patience": size,
    r"^callbacks\.early_stopping\.min_delta": not_negative,
    r"^callbacks\.embeddings\.centred": switch,
    r"^callbacks\.embeddings\.level": number(0, 1, open_=True),
    r"^callbacks\.embeddings\.shuffles": repeats,
    r"^callbacks\.embeddings\.\w+": size,
    r"^callbacks\.track_predictions\.pairs": lambda value: isinstance(value, list),
}

HOSTILE = (
    *("null", "true", "false", "''", "' '", "abc", "'3'", "nan", "-nan", "inf", "-inf", ".inf", ".nan", "0", "-0.0", "1", "-1"),
    *("0.5", "-0.5", "1.0", "1.5", "1e308", "-1e308", "1e400", "1e-320", "1e-400", "9223372036854775808", "1e18", "2147483648"),
    *("1000000000000", "-9999999999999999999999", "16777217", "100000", "0x10", "0b1", "1_000", "01", "1e3", "+1", "1,2", "[1,2]"),
    *("[]", "[[]]", "[[1]]", "{}", "{a:1}", "{_target_:os.system}", "[{_target_:os.system}]", "{_target_:hydrarec.models.dot.Dot}"),
    *("[null]", "[nan]", "[0.5]", "[0.9,0.99]", "[-1]", "[8,0]", "[1e308]", "[{epochs:1,learning_rate:nan}]", "[abc]"),
    *("${seed}", "${model}", "${..}", "${nowhere}", "'${oc.env:HOME}'", "${oc.decode:1}", "${own:a,1}", "${times:2,abc}", "${", "}"),
    *("日本", "ünï", "'\u202eevil'", "'\x1b[31m'", "'\x00'", "\udcff", "'\udcff'", "a/b", "../../x", "/etc/passwd", "~", "*", "?", "#"),
    *("'a=b'", "a=b", "a b", "\"", "'", "\\", "\\t", ";", "|", "%s", "{", "[", "(", "range(3)", "range(0,1000000000)", "choice(1,2)"),
    *("interval(0,1)", "glob(*)", "tag(a,1)", "int(3.5)", "float(3)", "str(3)", "json_str('{}')", "sort(2,1)", "shuffle(1,2)"),
    *("[" * 40 + "]" * 40, "9" * 400, "a" * 5000, "2014-01-01", "12:30:45", "yes", "on", "none", "None", "NULL", "???", "'???'"),
)  # fmt: skip
HARMLESS = ("0", "1", "2", "0.1", "0.5", "3", "null", "true", "false", "abc", "[16,8]", "[0.1]", "1e-3", "64", "[1]")
CHOICES = 10  # different choices of options per seed
KEYS_OF_NOBODY = (
    "lr",
    "model.nothing",
    "a.b.c",
    "trainer.max_epochs",
    "model",
    "dataset.scale",
    "task",
    "hydra.x",
    "",
    "model.",
    "ünï",
)


@dataclass(frozen=True)
class Case:
    """A command: chosen options, then hostile overrides."""

    chosen: tuple[str, ...]
    hostile: tuple[str, ...]
    multirun: bool

    @property
    def words(self) -> list[str]:
        return [*(["-m"] * self.multirun), *self.chosen, *self.hostile]


@dataclass(frozen=True)
class Outcome:
    """``refused`` by an exit code, or ``nonsense``: what the table does not allow; neither: acceptable."""

    words: list[str]
    refused: int | None
    nonsense: str


def case(seed_: int, number_: int) -> Case:
    """The case that belongs to (seed, number)."""
    rng = random.Random(f"{seed_} {number_}")
    chosen = _choice(seed_, rng.randrange(CHOICES))
    keys = sorted(flat(plain(_composed(chosen))))
    hostile = []
    for _ in range(rng.choice((1, 1, 1, 2))):
        drawn = rng.random()
        key = rng.choice(KEYS_OF_NOBODY if drawn < 0.06 else groups() if drawn < 0.12 else keys)
        prefix = rng.choice(("+", "++", "~")) if rng.random() < 0.15 else ""
        hostile.append(f"{prefix}{key}={rng.choice(HARMLESS if rng.random() < 0.4 else HOSTILE)}")
    return Case(chosen, tuple(hostile), multirun=rng.random() < 0.1)


def _choice(seed_: int, number_: int) -> tuple[str, ...]:
    rng = random.Random(f"options {seed_} {number_}")
    free = [group for group in groups() if "/" not in group and group not in ("dataset", "experiment", "trainer")]
    return (*BASE, "trainer.epochs=100", *(f"{group}={rng.choice(options(group))}" for group in rng.sample(free, 3)))


@functools.cache  # composing takes a hundred times as long as judging
def _composed(words: tuple[str, ...]) -> DictConfig:
    return compose_config(words)


def run(case_: Case, *, whole: bool) -> Outcome:
    """Judge a command up to the first look at data.

    ``whole``: as the entry point does; otherwise the overrides are set in a configuration that is composed already.
    """
    words = case_.words
    try:
        arguments = parse(words)
        if arguments.multirun:
            config = plain(judge_sweep(arguments.overrides).first)
        else:
            config = plain(compose_config(arguments.overrides) if whole else _set(case_, arguments.overrides))
            judge(config)
    except Exception as error:  # noqa: BLE001  (a bug of ours may be any)
        refused = as_contract(error)
        if refused.exit_code not in REFUSALS or len(str(refused).splitlines()) > 4:
            return Outcome(words, refused.exit_code, f"{type(error).__name__}: {error}"[:2000])
        return Outcome(words, refused.exit_code, "")
    return Outcome(words, None, nonsense(config))


def _set(case_: Case, overrides: list[str]) -> DictConfig:
    parsed = parse_overrides(overrides)
    check_overrides(parsed, "train")
    config = copy.deepcopy(_composed(case_.chosen))
    for override in parsed[-len(case_.hostile) :]:
        if override.is_delete() or override.key_or_group in groups():
            return compose_config(overrides)
        try:
            OmegaConf.update(
                config, override.key_or_group, override.value(), force_add=override.is_add() or override.is_force_add()
            )
        except (OmegaConfBaseException, ValueError, TypeError, AttributeError):
            return compose_config(overrides)  # which knows the words for it
    return config


def nonsense(config: dict[str, Any]) -> str:
    """The first value that the table does not allow; empty if there is none."""
    for key, value in flat(config).items():
        check = next((check for pattern, check in MAY_BE.items() if re.search(rf"{pattern}$", key)), None)
        if check is None or not check(value):
            return f"{key} = {value!r}"
    return ""
