"""The only place that decides which names a configuration may have imported, and the only import of such a name.

An allowlist: where a name stands decides what it may be. It holds for what a user types, for files in ``conf/`` and in
folders of the user, and for what a run folder says. A class of somebody else's package has no place in it.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from typing import Any

from hydrarec.config import signatures
from hydrarec.core.errors import ConfigError

OPTIMIZERS = r"torch\.optim\.[A-Z]\w*"

# Path in a configuration (regular expression) → what its _target_ may be (regular expression).
_MODULES = {
    r"dataset": r"hydrarec\.data\.datasets\.\w+",
    r"dataset[.\[].+": r"hydrarec\.data\.(datasets|readers|sources)\.\w+|hydrarec\.data\.table",
    r"filter": r"hydrarec\.data\.filters",
    r"split": r"hydrarec\.data\.splits\.\w+",
    r"task\.datamodule": r"hydrarec\.data\.datamodules\.\w+",
    r"task\.objective": r"hydrarec\.tasks\.\w+",
    r"model": r"hydrarec\.models\.\w+",
    r"optimizer": r"hydrarec\.training\.optim\.optimizers",
    r"scheduler": r"hydrarec\.training\.optim\.schedulers",
    r"trainer": r"hydrarec\.training\.fit",
    r"callbacks\.\w+": r"hydrarec\.training\.callbacks\.\w+",
}
_FUNCTIONS = (
    "optimizer",
    "scheduler",
)  # elsewhere only classes: a function of ours may write files or fetch from a URL
_HYDRA = {
    "hydra.launcher": (
        "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
        "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher",
        "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher",
        "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher",
        "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher",
    ),
    "hydra.sweeper": (
        "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
        "hydra_plugins.hydrarec_sweepers.GridSweeper",
        "hydra_plugins.hydrarec_sweepers.SearchSweeper",
    ),
}


def check_import(path: str, target: object) -> None:
    """Raise :class:`ConfigError` unless ``target`` may stand as ``_target_`` at ``path``; imports nothing."""
    if not _allowed(path, target):
        raise _foreign(path, target)


def targets(path: str, node: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the path and content of every mapping with a ``_target_`` in ``node``, itself included."""
    if isinstance(node, list):
        for position, entry in enumerate(node):
            yield from targets(f"{path}[{position}]", entry)
    elif isinstance(node, dict):
        if "_target_" in node:
            yield path, node
        for key, entry in node.items():
            yield from targets(f"{path}.{key}", entry)


def may_import(target: object) -> bool:
    """Whether a name may be imported wherever a run's configuration has a place for it."""
    return any(_fits(place, target) for place in _MODULES)


def load(target: str) -> Any:
    """Import the class or function that a configuration names.

    Raises:
        ConfigError: the name is not on the list.
    """
    ours = may_import(target) and signatures.parameters(target) is not None  # not what a module of ours imports itself
    if not ours and not (isinstance(target, str) and re.fullmatch(OPTIMIZERS, target)):
        raise _foreign("", target)
    module, _, name = target.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _allowed(path: str, target: object) -> bool:
    if path in _HYDRA:
        return target in _HYDRA[path]
    return any(_fits(place, target) for place in _MODULES if re.fullmatch(place, path))


def _fits(place: str, target: object) -> bool:
    if not isinstance(target, str):
        return False
    if place == "optimizer" and re.fullmatch(OPTIMIZERS, target):
        return True
    module, _, name = target.rpartition(".")
    known = re.fullmatch(_MODULES[place], module) is not None and name.isidentifier() and not name.startswith("_")
    return known and (place in _FUNCTIONS or not signatures.is_function(target))


def _foreign(path: str, target: object) -> ConfigError:
    is_ours = str(target).startswith("hydrarec.")
    return ConfigError(
        f"{path}._target_={target} {'cannot stand there' if is_ours else 'is outside the hydrarec package'}",
        expected=f"{_expected(path)}; nothing else is ever imported",
        fix="choose a class of hydrarec, or add yours to the package",
        value=str(target),
    )


def _expected(path: str) -> str:
    if path in _HYDRA:
        return f"one of {', '.join(name.rpartition('.')[2] for name in _HYDRA[path])}"
    place = next((modules for pattern, modules in _MODULES.items() if re.fullmatch(pattern, path)), None)
    if place is None:
        return "no _target_ at this place"
    kind = "class or function" if path in _FUNCTIONS else "class"
    return f"a {kind} in {place.replace(chr(92), '').removesuffix('.w+').replace('.w+|', ' or ')}"
