"""Attacks by settings and files: what would be called, and where its name is planted. Each would leave a canary file."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hydrarec.core.hints import quoted
from hydrarec.runs import checkpoint

Node = dict[str, Any]
TRAP = "import pathlib\npathlib.Path(__file__).with_name('canary').touch()\ndef boom(*a, **k):\n    return None\n"


class Pickled:
    """Unpickling it calls ``function(*arguments)``."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def prepare(home: Path) -> Path:
    """Write what the attacks need into ``home``; return the canary that must never appear."""
    canary = home / "canary"
    (home / "trap.py").write_text(TRAP)
    (home / "payload.pkl").write_bytes(pickle.dumps(Pickled(Path.touch, canary)))
    (home / "source").write_text("copied")
    (home / "evil" / "experiment").mkdir(parents=True)
    return canary


def nodes(home: Path) -> dict[str, Node]:
    """What is called, by name: a node that creates the canary if it is instantiated."""
    canary, payload = str(home / "canary"), str(home / "payload.pkl")
    path = {"_target_": "pathlib.Path", "_args_": [canary]}
    touch = {"_target_": "pathlib.Path.touch", "self": path}
    return {
        "touch": touch,
        "shell": {"_target_": "os.system", "command": f"touch {canary}"},
        "process": {"_target_": "subprocess.check_call", "_args_": [["touch", canary]]},
        "copy": {"_target_": "shutil.copy", "src": str(home / "source"), "dst": canary},
        "pandas pickle": {"_target_": "pandas.read_pickle", "filepath_or_buffer": payload},
        "joblib pickle": {"_target_": "joblib.load", "filename": payload},
        "numpy pickle": {"_target_": "numpy.load", "file": payload, "allow_pickle": True},
        "torch pickle": {"_target_": "torch.load", "f": payload, "weights_only": False},
        "exec": {"_target_": "builtins.exec", "_args_": [f"open({canary!r}, 'w')"]},
        "import": {"_target_": "importlib.import_module", "name": "trap"},
        "a module of the attacker": {"_target_": "trap.boom"},
        "hydra's call": {"_target_": "hydra.utils.call", "config": touch},
        "hydra's instantiate": {"_target_": "hydra.utils.instantiate", "config": touch},
        "a partial": {"_target_": "functools.partial", "_args_": [{**touch, "_partial_": True}]},
        "a log file": {"_target_": "logging.FileHandler", "filename": canary},
        "our own function": {"_target_": "hydrarec.core.files.write_json", "path": path, "content": 1},
        "our own download": {"_target_": "hydrarec.data.sources.download.download", "url": "http://x", "target": path, "size": 1},
        "behind our own module": {"_target_": "hydrarec.core.files.os.system", "command": f"touch {canary}"},
    }  # fmt: skip


def typed(value: Any) -> str:
    """A value as Hydra's overrides write it."""
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{quoted(key) if key == '()' else key}:{typed(entry)}" for key, entry in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ",".join(map(typed, value)) + "]"
    return quoted(value) if isinstance(value, str) else str(value).lower()


def factory_of(node: Node) -> Node:
    """The same call as ``logging.config`` makes it."""
    return {"()": node["_target_"], **{key: value for key, value in node.items() if not key.startswith("_")}}


# Where a node is planted: overrides.
PLACES: dict[str, Callable[[Node], list[str]]] = {
    "a callback of Hydra": lambda node: [f"+hydra.callbacks.x={typed(node)}"],
    "all callbacks of Hydra": lambda node: [f"hydra.callbacks={typed({'x': node})}"],
    "behind sweep.space": lambda node: [f"+sweep.space.evil={typed(node)}", "+hydra.callbacks.x=${sweep.space.evil}"],
    "behind experiment": lambda node: [f"+experiment.evil={typed(node)}", "+hydra.callbacks.x=${experiment.evil}"],
    "behind a resolver": lambda node: [f"+experiment.evil={typed(node)}", "+hydra.callbacks.x=${oc.select:experiment.evil}"],
    "sweep.space": lambda node: [f"+sweep.space.evil={typed(node)}"],
    "a list in sweep.space": lambda node: [f"+sweep.space.evil=[{typed(node)}]"],
    "experiment": lambda node: [f"+experiment.evil={typed(node)}"],
    "a handler of the job's log": lambda node: [
        "hydra/job_logging=default", f"+hydra.job_logging.handlers.x={typed(factory_of(node))}"],
    "a formatter of Hydra's log": lambda node: [
        "hydra/hydra_logging=default", f"+hydra.hydra_logging.formatters.x={typed(factory_of(node))}"],
    "a class of the job's log": lambda node: [
        "hydra/job_logging=default", f"hydra.job_logging.handlers.console.class={node['_target_']}"],
    "a stream of the job's log": lambda node: [
        "hydra/job_logging=default", f"hydra.job_logging.handlers.console.stream=ext://{node['_target_']}"],
    "the launcher": lambda node: [f"hydra.launcher={typed(node)}"],
    "within the launcher": lambda node: [f"+hydra.launcher.x={typed(node)}"],
    "the sweeper": lambda node: [f"hydra.sweeper={typed(node)}"],
    "within the sweeper": lambda node: [f"+hydra.sweeper.params={typed(node)}"],
    "the model": lambda node: [f"model={typed(node)}"],
    "the model's class": lambda node: [f"model._target_={node['_target_']}"],
    "within the model": lambda node: [f"+model.x={typed(node)}"],
    "the data set": lambda node: [f"dataset={typed(node)}"],
    "the data set's scale": lambda node: [f"dataset.scale={typed(node)}"],
    "a list of stages": lambda node: ["scheduler=stages", f"scheduler.stages=[{typed(node)}]"],
    "a callback": lambda node: [f"+callbacks.x={typed(node)}"],
    "the optimiser": lambda node: [f"optimizer={typed(node)}"],
    "the objective": lambda node: [f"task.objective={typed(node)}"],
    "the split": lambda node: [f"split={typed(node)}"],
    "the filter": lambda node: [f"filter={typed(node)}"],
    "the trainer": lambda node: [f"trainer={typed(node)}"],
    "published": lambda node: [f"published={typed(node)}"],
}  # fmt: skip


def other_overrides(home: Path) -> dict[str, list[str]]:
    """Attacks that name no class: files, folders, variables, packages."""
    canary = home / "canary"
    return {
        "a package as searchpath": ["hydra.searchpath=[pkg://trap]"],
        "a folder as searchpath": [f"hydra.searchpath=[{(home / 'evil').as_uri()}]", "experiment=evil"],
        "a log file": ["hydra/job_logging=default", f"hydra.job_logging.handlers.file.filename={canary}"],
        "the run's folder": [f"hydra.run.dir={canary}"],
        "Hydra's own files": [f"hydra.output_subdir={canary}"],
        "a variable": ["+hydra.job.env_set.LD_PRELOAD=/x.so"],
        "a group into hydra": ["+optimizer@hydra.callbacks.x=adam"],
        "a file as option": [f"model={home / 'evil' / 'model'}"],
        "a file above conf/ as option": ["model=../../../../../../tmp/evil"],
        "a name upwards": ["name=../../canary"],
        "an absolute name": [f"name={canary}"],
        "a data set's name upwards": ["dataset.name=../../canary"],
        "a variable of the environment": ["name='x-${oc.env:SECRET}'"],
        "a variable by a dynamic name": ["+experiment.a=env", "name='x-${oc.${experiment.a}:SECRET}'"],
    }  # fmt: skip


# Where a pickle is planted: files of a run folder.
def pickled_checkpoint(folder: Path, bomb: Pickled) -> None:
    _signed(folder / "checkpoints" / "best.ckpt", pickle.dumps({"state_dict": bomb}))


def zipped_checkpoint(folder: Path, bomb: Pickled) -> None:
    buffer = io.BytesIO()
    torch.save({"state_dict": {}, "hyper_parameters": {}, "bomb": bomb}, buffer)
    _signed(folder / "checkpoints" / "best.ckpt", buffer.getvalue())


def pickled_titles(folder: Path, bomb: Pickled) -> None:
    _with_array(folder / "data.npz", "titles", bomb)


def pickled_items(folder: Path, bomb: Pickled) -> None:
    _with_array(folder / "data.npz", "items", bomb)


def pickled_data(folder: Path, bomb: Pickled) -> None:
    (folder / "data.npz").write_bytes(pickle.dumps(bomb))


def pickled_predictions(folder: Path, bomb: Pickled) -> None:
    _with_array(folder / "predictions.npz", "test/prediction", bomb)


def pickled_config(folder: Path, bomb: Pickled) -> None:
    (folder / "config.yaml").write_bytes(pickle.dumps(bomb))


def pickled_record(folder: Path, bomb: Pickled) -> None:
    (folder / "run.json").write_bytes(pickle.dumps(bomb))


def pickled_result(folder: Path, bomb: Pickled) -> None:
    (folder / "result.json").write_bytes(pickle.dumps(bomb))


FILES = (pickled_checkpoint, zipped_checkpoint, pickled_titles, pickled_items, pickled_data, pickled_predictions, pickled_config,
         pickled_record, pickled_result)  # fmt: skip


def bombs(home: Path) -> dict[str, Pickled]:
    canary = home / "canary"
    return {
        "touch": Pickled(Path.touch, canary),
        "shell": Pickled(__import__("os").system, f"touch {canary}"),
        "exec": Pickled(exec, f"open({str(canary)!r}, 'w')"),
        "import": Pickled(__import__, "trap"),
    }


def _signed(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    checkpoint.sidecar(path).write_text(f"{checkpoint.sha256_of(path)}\n")


def _with_array(path: Path, name: str, bomb: Pickled) -> None:
    """Replace one array of an npz by an array of objects."""
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    arrays[name] = np.array([bomb], object)
    np.savez(path, **arrays)
    assert zipfile.is_zipfile(path)
