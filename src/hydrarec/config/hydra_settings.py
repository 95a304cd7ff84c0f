"""What the ``hydra`` node may hold. Hydra imports and calls what the node names, before any code of ours runs.

Values are judged as written. Those that Hydra acts upon must be literal, since an interpolation may lead to another value
in each job of a sweep.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from hydrarec.config.imports import check_import
from hydrarec.core.errors import ConfigError, did_you_mean
from hydrarec.core.kinds import FolderName

_ACTED_UPON = ("callbacks", "env", "hydra_logging", "job_logging", "launcher", "sweeper")
_EXPRESSIONS = (  # as Hydra, its launchers and conf/ write them
    "${hydra.runtime.output_dir}/${hydra.job.name}.log",
    "${hydra.sweep.dir}/.submitit/%j",
    "${hydra.job.name}",
    "${oc.select:hydra.launcher.n_jobs,1}",
)
_CALLS = ("_target_", "_args_", "_partial_", "_recursive_", "_convert_", "()")  # keys that Hydra and logging call by
_LOGGING_CLASSES = ("logging.StreamHandler", "logging.FileHandler", "logging.NullHandler", "logging.Formatter")
_STREAMS = ("ext://sys.stdout", "ext://sys.stderr")
_LOG_FILE = _EXPRESSIONS[0]
_JOB_FOLDERS = ("${confighash:}", "${hydra.job.num}")  # of conf/train.yaml, and Hydra's own
_VARIABLES = (  # others may make a process load code: LD_PRELOAD, PYTHONPATH, NCCL_NET_PLUGIN …
    "CUBLAS_WORKSPACE_CONFIG",
    "CUDA_VISIBLE_DEVICES",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PYTORCH_CUDA_ALLOC_CONF",
)


def check_hydra(node: dict[str, Any]) -> None:
    """Raise :class:`ConfigError` for the first setting in the unresolved ``hydra`` node that is not accepted."""
    if node["callbacks"]:
        raise _refused("hydra.callbacks", node["callbacks"], "no callbacks of Hydra: no module is imported for one")
    for name in _ACTED_UPON:
        _check_below(f"hydra.{name}", node[name])
    for variable in node["job"]["env_set"] or {}:
        if variable not in _VARIABLES or "${" in str(node["job"]["env_set"][variable]):
            raise _refused(f"hydra.job.env_set.{variable}", variable, did_you_mean(variable, _VARIABLES))
    for path, name in (("hydra.output_subdir", node["output_subdir"]), ("hydra.job.name", node["job"]["name"])):
        if name is not None and ("${" in str(name) or not get_args(FolderName)[1].admits(str(name))):
            raise _refused(path, name, get_args(FolderName)[1].words)
    if node["sweep"]["subdir"] not in _JOB_FOLDERS:
        raise _refused(
            "hydra.sweep.subdir", node["sweep"]["subdir"], "the default: a job's folder is its configuration's hash"
        )
    if node["mode"] is not None:
        raise _refused("hydra.mode", node["mode"], "-m for several runs, no -m for one")


def check_searchpath(folders: object) -> None:
    """Raise :class:`ConfigError` unless these are folders: for ``pkg://name`` Hydra imports the package."""
    for folder in folders if isinstance(folders, Sequence) and not isinstance(folders, str) else [folders]:
        if not isinstance(folder, str) or ("://" in folder and not folder.startswith("file://")):
            raise _refused("hydra.searchpath", folder, "folders of YAML files, as by --config-dir <folder>")


def _check_below(path: str, node: object) -> None:
    """Check a node of ``hydra`` that is acted upon, key by key and value by value."""
    if isinstance(node, dict):
        for key, entry in node.items():
            _check_key(path, str(key), entry)
            _check_below(f"{path}.{key}", entry)
    elif isinstance(node, list):
        for position, entry in enumerate(node):
            _check_below(f"{path}[{position}]", entry)
    elif isinstance(node, str):
        if "${" in node and node not in _EXPRESSIONS:
            raise _refused(path, node, "the value itself, without ${…}")
        if node.startswith(("ext://", "cfg://")) and node not in _STREAMS:
            raise _refused(path, node, f"one of {', '.join(_STREAMS)}")


def _check_key(path: str, key: str, value: object) -> None:
    if key == "_target_" and path in ("hydra.launcher", "hydra.sweeper"):
        check_import(path, value)
    elif key in _CALLS:
        raise _refused(f"{path}.{key}", value, "no class by name: no module is imported for one")
    elif "logging" in path:
        if key == "class" and value not in _LOGGING_CLASSES:
            raise _refused(f"{path}.class", value, f"one of {', '.join(_LOGGING_CLASSES)}")
        if key == "filename" and value != _LOG_FILE:
            raise _refused(f"{path}.filename", value, f"{_LOG_FILE}: a log file in the run folder")


def _refused(path: str, value: object, expected: str) -> ConfigError:
    text = str(value)
    return ConfigError(
        f"{path}={text if len(text) <= 80 else text[:79] + '…'} is not accepted",
        expected=expected,
        fix=f"leave out {path}",
        value=text,
    )
