"""Private functions of pinned libraries: each is used in one file, which this list names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hydra._internal.utils import get_args_parser

import hydrarec

SOURCE = Path(hydrarec.__file__).resolve().parents[1]
USED_IN = {
    r"hydra\._internal": ["hydrarec/config/command_line.py"],  # Hydra's parser of options
    r"\._actions\b": ["hydrarec/config/command_line.py"],  # the options of an argparse.ArgumentParser
    r"\btorch\._\w+": ["hydrarec/models/bayesian_svdpp.py"],  # Gamma variates
    r"\._trial_id\b": ["hydrarec/sweeps/studies.py"],  # how Optuna takes up a trial again
    r"Override\._\w+": [],
}


def test_each_private_function_is_used_in_one_file() -> None:
    texts = {path.relative_to(SOURCE).as_posix(): path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py")}
    for pattern, files in USED_IN.items():
        assert [name for name, text in texts.items() if re.search(pattern, text)] == files, pattern


def test_they_are_still_there() -> None:
    assert any("--multirun" in action.option_strings for action in get_args_parser()._actions)
    optuna = pytest.importorskip("optuna")
    assert optuna.create_study().ask()._trial_id == 0
