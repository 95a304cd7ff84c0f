"""Every setting that an error prints as the fix is accepted when it is pasted into a shell.

Two collections: what stands in the source after ``fix=``, and what the errors of the tables of mistakes really print.
"""

from __future__ import annotations

import ast
import functools
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from tests.cli.test_bad_inputs import CONFIGS
from tests.config.test_typed_overrides import HABITS

import hydrarec
from hydrarec.cli import analyze, describe, recommend, report
from hydrarec.config.command_line import configuration, parse
from hydrarec.config.composition import compose_config, flat, parse_overrides, plain
from hydrarec.config.judge import judge
from hydrarec.config.schema import ReproduceConfig, TrainConfig
from hydrarec.config.sweep_values import judge_sweep
from hydrarec.config.typed_overrides import groups
from hydrarec.core.errors import ConfigError, HydrarecError
from hydrarec.recommend.settings import RecommendConfig
from hydrarec.reports.comparison.comparison_settings import ReportConfig
from hydrarec.reports.description.description_settings import DescribeConfig
from hydrarec.reports.embeddings.analysis_settings import AnalyzeConfig

HOLE = "\0"  # of an f-string, in the source
SETTING = re.compile(r"""(?<![\w./'"-])[+~]{0,2}[a-z_][\w./]*=(?:"[^"]*"|'[^']*'|[^\s"',;]+|,(?! ))*""")
BASE = ("dataset=csv", "dataset.path=ratings.csv", "trainer.epochs=100")
# Options under which the keys of the hints exist; a hint is for a run that has them.
CONTEXTS = (
    (),
    ("task=ranking",),
    ("dataset=synthetic",),
    ("dataset=he2017",),
    ("split=folds",),
    ("split=user_ratio",),
    ("split=given",),
    ("split=leave_one_out",),
    ("optimizer=sgd",),
    ("scheduler=stages",),
    ("callbacks=early_stopping",),
    ("model=ease",),
    ("model=mlp",),
    ("hydra/sweeper=optuna",),
)
OTHER_COMMANDS = {
    "recommend": (RecommendConfig, recommend, ["run=x"]),
    "analyze": (AnalyzeConfig, analyze, []),
    "report": (ReportConfig, report, []),
    "describe": (DescribeConfig, describe, []),
    "reproduce": (ReproduceConfig, None, []),
}


def settings_in(text: str) -> list[str]:
    """Complete settings in a text: those without a hole, ``<…>`` or ``…``; a line of Python has none."""
    if text.startswith("python -c"):
        return []
    found = [match.group().rstrip(".:") for match in SETTING.finditer(text)]
    return [each for each in found if not re.search(rf"[{HOLE}<…]", each) and not each.endswith("=")]


def hints_in_source() -> Iterator[str]:
    """Texts after ``fix=`` and in a variable ``fix`` in every file."""
    for path in sorted(Path(hydrarec.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else getattr(node, "arg", None) or ""
            if isinstance(node, ast.keyword | ast.Assign) and "fix" in names:
                yield from _texts(node.value)


def _texts(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif not isinstance(node, ast.Call):  # a call's own texts are no hint
        for child in ast.iter_child_nodes(node):
            yield from _texts(child)


SHIPPED = sorted({each for text in hints_in_source() for each in settings_in(text)})


def within(context: tuple[str, ...], *words: str) -> tuple[str, ...]:
    """A whole command: a data set and a number of epochs, the context, the words."""
    has_dataset = any(word.startswith("dataset=") for word in context)
    return (*(BASE[-1:] if has_dataset else BASE), *context, *words)


@functools.cache
def keys_of(context: tuple[str, ...]) -> set[str]:
    return {*flat(OmegaConf.to_container(compose_config(within(context), with_hydra=True)))}


def contexts_of(words: list[str]) -> list[tuple[str, ...]]:
    """The contexts that have the key of a hint; for a group the first two, one of each task."""
    key = words[0].partition("=")[0].lstrip("+~")
    return [each for each in CONTEXTS if key in keys_of(each)] or list(CONTEXTS[:2])


@functools.cache
def is_accepted(words: tuple[str, ...]) -> bool:
    try:
        if any(override.is_sweep_override() for override in parse_overrides(parse(words).overrides)):
            judge_sweep(parse(words).overrides)
        else:
            judge(plain(compose_config(parse(words).overrides)))
    except HydrarecError:
        return False
    return True


def is_accepted_elsewhere(words: list[str], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a command other than train accepts the settings."""
    for name, (schema, module, needed) in OTHER_COMMANDS.items():
        monkeypatch.setattr(sys, "argv", ["hydrarec", *needed, *words])
        try:
            if configuration(name, schema, getattr(module, "TEXTS", ()), getattr(module, "LISTS", ())) is not None:
                return True
        except HydrarecError:
            continue
    return False


def test_hints_are_found() -> None:
    assert len(SHIPPED) > 40
    assert {
        "callbacks=none",
        "trainer=cpu",
        "split.val=0.1",
        "scheduler.stages='[{epochs: 3, learning_rate: 0.1}]'",
    } <= {*SHIPPED}
    assert settings_in("set a.b=';', or c=[1,2]: d=<x>, e=… f=\0") == ["a.b=';'", "c=[1,2]"]


@pytest.mark.parametrize("hint", SHIPPED)
def test_hint_in_the_source_is_accepted(hint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(hint)
    top = re.split(r"[.=]", words[0].lstrip("+~"))[0]
    if top in {*TrainConfig.__annotations__, *groups(), "hydra", "sweep"} - {"resume", "replay"}:
        accepted = any(is_accepted(within(context, *words)) for context in contexts_of(words))
        assert accepted or is_accepted_elsewhere(words, monkeypatch), hint
    elif top not in ("resume", "replay"):
        assert is_accepted_elsewhere(words, monkeypatch), hint


MISTAKES = {typed: (typed,) for typed in HABITS} | {row[0]: (row[0],) for row in CONFIGS.values()}


@pytest.mark.parametrize("typed", MISTAKES.values(), ids=MISTAKES.keys())
def test_printed_hint_is_accepted(typed: tuple[str, ...]) -> None:
    """Beside what was typed, or in its place."""
    with pytest.raises(ConfigError) as caught:
        judge(plain(compose_config(parse([*BASE[:2], "trainer.epochs=2", *typed]).overrides)))
    hints = settings_in(caught.value.fix)
    together = " ".join(hints) == caught.value.fix  # settings for one command
    for hint in [caught.value.fix] if together else hints:
        words = shlex.split(hint)
        assert any(is_accepted((*rest, *words)) for rest in ((*BASE, *typed), BASE, ())), caught.value.fix


def test_bash_reads_every_hint_as_shlex_does() -> None:
    shown = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {' '.join(SHIPPED)}"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.split("\0")[:-1] == [word for hint in SHIPPED for word in shlex.split(hint)]
