"""The walls of the house, held by reading the imports: data → model → objective → run folder → report."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import hydrarec

PACKAGE = Path(hydrarec.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
ENTRY_POINTS = ("train.py", "reproduce.py", "report.py", "analyze.py", "recommend.py", "describe.py")
LIGHTNING = ("pytorch_lightning", "lightning")
ON_THE_DEVICE = (
    "batches",
    "loaders",
    "samples",
    "negatives",
    "candidates",
    "queries",
)  # of data, beside the DataModules


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it, but for annotations' sake (``if TYPE_CHECKING``)."""
    return set(_imports(tree_of(path)))


def _imports(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "imports are absolute"
            yield str(child.module)
            yield from (f"{child.module}.{alias.name}" for alias in child.names)
        yield from _imports(child)


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def forbidden(files: list[Path], packages: tuple[str, ...]) -> list[str]:
    return [
        f"{name_of(path)} imports {module}"
        for path in files
        for module in sorted(imports_of(path))
        if within(module, packages)
    ]


def files_in(*folders: str) -> list[Path]:
    found = [path for path in FILES if name_of(path).startswith(tuple(f"{folder}/" for folder in folders))]
    assert found, f"{folders} hold no modules: this test looks in the wrong place"
    return found


def test_data_knows_no_model_and_no_training() -> None:
    others = [
        f"hydrarec.{path.stem}"
        for path in PACKAGE.glob("*.py")
        if path.stem in ("training", "checkpointing", "runs", "train", "reproduce", "objectives")
    ]
    assert (
        forbidden(
            files_in("data"),
            ("hydra", "omegaconf", "hydrarec.models", "hydrarec.training.callbacks", "hydrarec.tasks.metrics", *others),
        )
        == []
    )


def test_only_the_datamodules_of_data_know_lightning() -> None:
    assert forbidden([path for path in files_in("data") if path.parent.name != "datamodules"], LIGHTNING) == []


def test_reading_data_needs_no_torch() -> None:
    reading = [
        path for path in files_in("data") if path.parent.name != "datamodules" and path.stem not in ON_THE_DEVICE
    ]
    assert forbidden(reading, ("torch",)) == []


def test_what_lies_on_the_device_knows_tensors_only() -> None:
    """Neither arrays nor files nor splits: only the DataModules turn the one into the other."""
    lying = [PACKAGE / "data" / f"{name}.py" for name in ON_THE_DEVICE]
    reading = tuple(
        f"hydrarec.data.{name}" for name in ("interactions", "splits", "datasets", "filters", "readers", "datamodules")
    )
    assert forbidden(lying, ("numpy", "pandas", *reading)) == []


def test_objectives_know_no_model_and_no_training() -> None:
    others = ("models", "callbacks", "training", "runs", "checkpointing", "train")
    assert forbidden(files_in("objectives"), ("hydra", "omegaconf", *(f"hydrarec.{name}" for name in others))) == []


def test_models_know_neither_hydra_nor_data_but_batches() -> None:
    models = files_in("models")
    assert (
        forbidden(
            models,
            (
                "hydra",
                "omegaconf",
                "hydrarec.training.callbacks",
                "hydrarec.training.fit",
                "hydrarec.runs.folder",
                "hydrarec.cli.train",
            ),
        )
        == []
    )
    used = {module for path in models for module in imports_of(path) if within(module, ("hydrarec.data",))}
    assert {module for module in used if not within(module, ("hydrarec.data.batching.batches",))} == set()


def test_models_never_make_a_trainer() -> None:
    for path in files_in("models"):
        assert "Trainer(" not in path.read_text(), name_of(path)


def test_metrics_know_tensors_only() -> None:
    allowed = (
        "torch",
        "torchmetrics",
        "numpy",
        "scipy",
        *sys.stdlib_module_names,
        "hydrarec.tasks.metrics",
    )
    strangers = [
        f"{name_of(path)}: {module}"
        for path in files_in("metrics")
        for module in imports_of(path)
        if not within(module, allowed)
    ]
    assert strangers == []


def test_reporting_knows_run_folders_only() -> None:
    training = (
        "hydrarec.models",
        "hydrarec.training.callbacks",
        "hydrarec.training.fit",
        "hydrarec.cli.train",
        "hydrarec.runs.checkpoint",
    )
    assert forbidden(files_in("reporting"), ("torch", *LIGHTNING, "hydra", *training)) == []


def test_pure_computations_know_neither_files_nor_figures() -> None:
    others = ("files", "runs", "trained", "figures", "analyzing", "models", "callbacks", "training")
    assert forbidden(files_in("analysis"), ("matplotlib", "torch", *(f"hydrarec.{name}" for name in others))) == []


def test_figures_know_neither_models_nor_runs() -> None:
    others = ("runs", "trained", "analyzing", "describing", "models", "callbacks", "training")
    assert forbidden(files_in("figures"), ("torch", *(f"hydrarec.{name}" for name in others))) == []


def test_no_figure_is_made_by_way_of_pyplot() -> None:
    assert forbidden(FILES, ("matplotlib.pyplot",)) == []


def test_analyzing_knows_run_folders_and_models_but_no_training() -> None:
    training = (
        "hydrarec.training.callbacks",
        "hydrarec.training.fit",
        "hydrarec.cli.train",
        "hydrarec.training.assembly",
        "hydrarec.tasks",
    )
    assert forbidden(files_in("analyzing"), (*LIGHTNING, "hydra", "omegaconf", *training)) == []


def test_describing_needs_no_torch_and_no_model() -> None:
    others = ("models", "callbacks", "training", "runs", "train", "metrics", "objectives")
    files = [*files_in("describing"), PACKAGE / "analysis" / "description.py", PACKAGE / "analysis" / "activity.py"]
    assert forbidden(files, ("torch", *LIGHTNING, "hydra", *(f"hydrarec.{name}" for name in others))) == []


def test_recommending_knows_trained_runs_only() -> None:
    training = (
        "hydrarec.training.callbacks",
        "hydrarec.training.fit",
        "hydrarec.cli.train",
        "hydrarec.training.assembly",
        "hydrarec.tasks",
    )
    assert forbidden(files_in("recommending"), (*LIGHTNING, "hydra", "omegaconf", *training)) == []


def test_only_entry_points_and_composition_know_hydra() -> None:
    allowed = (*ENTRY_POINTS, "assembly.py", "compatibility.py")
    allowed = (*allowed, *(f"config/{name}.py" for name in ("command_line", "composition", "factory", "sweeps")))
    allowed = (*allowed, *(f"sweeping/{name}.py" for name in ("start", "grid", "search", "space", "task")))
    assert forbidden([path for path in FILES if name_of(path) not in allowed], ("hydra",)) == []


def test_reading_signatures_and_kinds_needs_nothing() -> None:
    light = [
        PACKAGE / "config" / name for name in ("kinds.py", "signatures.py", "schema.py", "location.py", "judge.py")
    ]
    assert forbidden(light, ("torch", "numpy", "pandas", "hydra", "omegaconf", *LIGHTNING)) == []


@pytest.mark.parametrize("entry", [name for name in ENTRY_POINTS if (PACKAGE / name).exists()])
def test_entry_point_imports_nothing_heavy(entry: str) -> None:
    heavy = ("torch", "pytorch_lightning", "pandas", "torchmetrics", "tensorboard", "matplotlib")
    code = f"import sys, hydrarec.{entry.removesuffix('.py')}; print(sorted(set({heavy}) & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.strip() == "[]"


def calls_in(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_module_neither_prints_nor_executes_what_it_reads(path: Path) -> None:
    never = {
        "print",
        "eval",
        "exec",
        "compile",
        "pickle.load",
        "pickle.loads",
        "os.system",
        "yaml.load",
        "yaml.unsafe_load",
    }
    assert [name for name, _ in calls_in(path) if name in never] == []
    for name, call in calls_in(path):
        settings = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        if name == "torch.load":
            assert settings.get("weights_only") == "True"
        if name == "np.load":
            assert settings.get("allow_pickle", "False") == "False"
        assert settings.get("shell", "False") == "False"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_error_is_swallowed(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else "everything"
            silent = all(isinstance(statement, ast.Pass) for statement in node.body)
            broad = caught in ("everything", "Exception", "BaseException")
            raises = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
            assert not (broad and silent), f"line {node.lineno} swallows {caught}"
            assert not broad or raises or path.name == "cli.py", f"line {node.lineno} catches {caught} and goes on"
