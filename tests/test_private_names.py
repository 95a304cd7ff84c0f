"""Private names of pinned libraries: each is used in one file only and exists in the installed version."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest
import torch
from hydra._internal.core_plugins import file_config_source
from hydra._internal.sources_registry import SourcesRegistry
from hydra._internal.utils import get_args_parser

SOURCE = Path(__file__).resolve().parents[1] / "src"
USED_IN = {
    r"(from|import) hydra\._internal\.utils": "hydrarec/config/command_line.py",  # Hydra's parser of options
    r"(from|import) hydra\._internal\.(?!utils)": "hydrarec/config/yaml_files.py",  # Hydra's reader of YAML files
    r"\._actions\b": "hydrarec/config/command_line.py",  # the options of an argparse.ArgumentParser
    r"\btorch\._\w+": "hydrarec/models/bayesian_svdpp.py",  # Gamma variates
    r"\._version\b": "hydrarec/models/parts/remembered.py",  # counts the changes of a tensor in place
    r"\._trial_id\b": "hydrarec/sweeps/studies.py",  # how Optuna takes up a trial again
    r"LokyBackend\b": "hydrarec/sweeps/launchers.py",  # joblib's workers, which end with the sweep
    r"\._forkserver_alive_fd\b": "hydrarec/training/processes.py",  # what keeps the fork server alive
    r"\._forkserver_address\b": "hydrarec/training/fork_server.py",  # its socket, to be removed
}


@pytest.mark.parametrize("pattern", USED_IN)
def test_private_name_is_used_in_one_file(pattern: str) -> None:
    users = [path for path in SOURCE.rglob("*.py") if re.search(pattern, path.read_text(encoding="utf-8"))]
    assert [path.relative_to(SOURCE).as_posix() for path in users] == [USED_IN[pattern]]


def test_names_of_hydra_and_torch_exist() -> None:
    assert file_config_source.FileConfigSource.scheme() == "file"
    assert isinstance(SourcesRegistry.instance().types, dict)
    assert any("--multirun" in action.option_strings for action in get_args_parser()._actions)
    assert torch._standard_gamma(torch.ones(1)).shape == (1,)
    assert isinstance(torch.ones(1)._version, int)


@pytest.mark.parametrize(
    ("module", "owner", "name"),
    [
        ("multiprocessing.forkserver", "ForkServer", "_forkserver_alive_fd"),
        ("multiprocessing.forkserver", "ForkServer", "_forkserver_address"),
        ("joblib._parallel_backends", "", "LokyBackend"),
        ("optuna.trial", "FrozenTrial", "_trial_id"),
    ],
)
def test_name_exists(module: str, owner: str, name: str) -> None:
    pytest.importorskip(module.partition(".")[0])
    found = importlib.import_module(module)
    assert name in inspect.getsource(getattr(found, owner) if owner else found)
