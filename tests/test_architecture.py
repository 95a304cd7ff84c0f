"""Architecture test on imports: the order of the subpackages, and the libraries that each may import."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripts.structure import FLOORS, Structure, circles, floors, room_of, summary

STRUCTURE = Structure.of()
FILES = {name: path for name, path in STRUCTURE.files.items() if name.startswith("hydrarec")}
ENTRY_POINTS = sorted(name for name in FILES if name.startswith("hydrarec.cli.") and name != "hydrarec.cli.entry_point")
LIGHTNING = ("pytorch_lightning", "lightning", "lightning_fabric")
HYDRA = ("hydra", "omegaconf")
READ_BEFORE_TORCH = tuple(
    f"hydrarec.data.{name}" for name in ("interactions", "splits", "datasets", "filters", "readers")
)

# Place → packages that no file in it imports. The rooms' own order is the plan of scripts/structure.py.
FOREIGN = {
    "hydrarec.core.kinds": ("torch", "numpy", "pandas", *HYDRA, *LIGHTNING),
    "hydrarec.config": ("torch", "numpy", "pandas", *LIGHTNING),
    "hydrarec.config.judge": HYDRA,
    "hydrarec.config.schema": HYDRA,
    "hydrarec.config.signatures": HYDRA,
    "hydrarec.data": HYDRA,
    "hydrarec.data.readers": ("torch", *LIGHTNING),
    "hydrarec.data.sources": ("torch", *LIGHTNING),
    "hydrarec.data.datasets": ("torch", *LIGHTNING),
    "hydrarec.data.splits": ("torch", *LIGHTNING),
    "hydrarec.data.interactions": ("torch", *LIGHTNING),
    "hydrarec.data.cache": ("torch", *LIGHTNING),
    "hydrarec.data.batching": (
        "numpy",
        "pandas",
        *LIGHTNING,
        *READ_BEFORE_TORCH,
    ),  # tensors on the device, nothing else
    "hydrarec.tasks": HYDRA,
    "hydrarec.tasks.metrics": ("pandas", *LIGHTNING, "hydrarec.data", "hydrarec.models"),  # tensors only
    "hydrarec.models": (*HYDRA, *READ_BEFORE_TORCH),
    "hydrarec.analysis": ("matplotlib", "torch", *HYDRA, *LIGHTNING),
    "hydrarec.figures": ("torch", *HYDRA, *LIGHTNING),
    "hydrarec.reports": (*HYDRA, *LIGHTNING, "hydrarec.tasks.ranking", "hydrarec.tasks.rating"),
    "hydrarec.reports.comparison": ("torch", "hydrarec.models"),
    "hydrarec.reports.description": ("torch", "hydrarec.models"),
    "hydrarec.recommend": (*HYDRA, *LIGHTNING),
}


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports anywhere, except for annotations (``if TYPE_CHECKING``)."""
    yield from _imports(ast.parse(path.read_text(encoding="utf-8")))


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


def test_every_room_is_in_the_plan() -> None:
    assert STRUCTURE.loose() == []
    assert {room for room in STRUCTURE.rooms if room} == {room for rooms in FLOORS for room in rooms}


def test_rooms_import_downwards_only() -> None:
    assert STRUCTURE.upward() == []


def test_nothing_goes_in_circles() -> None:
    assert circles(STRUCTURE.module_edges) == []
    assert circles(STRUCTURE.room_edges) == []


def test_the_house_stays_small() -> None:
    print("\n".join(summary(STRUCTURE)))
    assert len(STRUCTURE.rooms) - 1 <= 14
    assert floors(STRUCTURE.room_edges) <= 8
    assert len(STRUCTURE.room_edges) <= 60


def test_a_file_name_occurs_once() -> None:
    assert STRUCTURE.repeated_names() == {}


def test_the_measures_themselves() -> None:
    edges = {("a", "b"), ("b", "c"), ("a", "c"), ("d", "e"), ("e", "d")}
    assert circles(edges) == [["d", "e"]]
    assert floors({("a", "b"), ("b", "c"), ("a", "c")}) == 3
    assert [room_of(name) for name in ("hydrarec.data.splits.rows", "hydrarec", "hydra_plugins.x")] == [
        "data",
        "",
        "hydra_plugins",
    ]


@pytest.mark.parametrize("place", FOREIGN)
def test_place_knows_no_foreign_package(place: str) -> None:
    inside = {name: path for name, path in FILES.items() if within(name, (place,))}
    assert inside, f"{place} is no place"
    found = [
        f"{name} imports {module}"
        for name, path in inside.items()
        for module in imports_of(path)
        if within(module, FOREIGN[place])
    ]
    assert found == []


def test_only_the_datamodules_of_data_know_lightning() -> None:
    found = [
        name
        for name, path in FILES.items()
        if within(name, ("hydrarec.data",)) and any(within(module, LIGHTNING) for module in imports_of(path))
    ]
    assert found and all(name.startswith("hydrarec.data.datamodules.") for name in found)


def test_models_make_no_trainer() -> None:
    makers = [
        name for name, path in FILES.items() if "Trainer(" in path.read_text() and within(name, ("hydrarec.models",))
    ]
    assert makers == []


def test_no_figure_is_made_by_way_of_pyplot() -> None:
    assert [name for name, path in FILES.items() if "matplotlib.pyplot" in set(imports_of(path))] == []


@pytest.mark.parametrize("entry", ENTRY_POINTS)
def test_entry_point_imports_nothing_heavy(entry: str) -> None:
    heavy = ("torch", "pytorch_lightning", "pandas", "torchmetrics", "tensorboard", "matplotlib")
    code = f"import sys, {entry}; print(sorted(set({heavy}) & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.strip() == "[]"


def calls() -> Iterator[tuple[str, str, dict[str | None, str]]]:
    """Module, what it calls, and the keyword arguments as source, for every call in the package."""
    for module, path in FILES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield module, ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}


def test_nothing_prints_or_executes_what_it_reads() -> None:
    never = {"print", "eval", "exec", "compile", "os.system", "yaml.load", "yaml.unsafe_load"}
    never |= {"pickle.load", "pickle.loads"}
    for module, called, settings in calls():
        assert called not in never, f"{module} calls {called}"
        assert called != "torch.load" or settings.get("weights_only") == "True", module
        assert called != "np.load" or settings.get("allow_pickle", "False") == "False", module
        assert settings.get("shell", "False") == "False", module


def test_no_error_is_swallowed() -> None:
    for module, path in FILES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "everything"
                silent = all(isinstance(statement, ast.Pass) for statement in node.body)
                broad = caught in ("everything", "Exception", "BaseException")
                raises = any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
                place = f"{module}:{node.lineno}"
                assert not (broad and silent), f"{place} swallows {caught}"
                assert not broad or raises or module == "hydrarec.cli.entry_point", f"{place} catches {caught}, goes on"
