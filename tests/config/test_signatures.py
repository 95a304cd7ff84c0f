"""Kinds of settings read from source, and values checked against them."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from hydrarec.config import signatures
from hydrarec.config.signatures import ANYTHING, Kind, kind_of, names_in, parameters
from hydrarec.core import kinds
from hydrarec.core.kinds import Bounds


def kind(annotation: str) -> Kind:
    return kind_of(ast.parse(annotation, mode="eval").body)


ADMITTED = {
    "int": [0, -1, 10**30],
    "float": [0.5, 3, -1],
    "bool": [True, False],
    "str": ["", "text", "None"],
    "dict": [{}, {"a": 1}],
    "dict[str, int]": [{}],
    "Count": [1, 65_537],
    "Index": [0, 7],
    "Seed": [0, 2**63 - 1],
    "Dimension": [1, 65_536],
    "Finite": [-1.5, 0, 1e15],
    "Positive": [1e-12, 3],
    "NonNegative": [0, 0.0, 2.5],
    "Fraction": [0, 0.0, 0.999],
    "Share": [0.001, 0.999],
    "int | None": [None, 3],
    "Count | None": [None, 1],
    "Literal['min', 'max']": ["min", "max"],
    "Literal['a']": ["a"],
    "Literal[1, 2]": [1, 2],
    "Literal['a'] | None": ["a", None],
    "list[Dimension]": [[], [1], (1, 2)],
    "list[list[int]]": [[[1], []]],
    "Sequence[str]": [["a"]],
    "tuple[Fraction, Fraction]": [[0.9, 0.999], (0.9, 0.999)],
    "FolderName": ["ml-1m", "é ø (1)", "...", "a" * 200],
    "Requirement": ["recbole==1.2.1"],
    "str | int": ["user", 3],
    "str | int | None": ["user", 3, None],
    "str | list[str]": ["all", ["A1", "B1"]],
    "Tensor": [print, None, 3],
}
REFUSED = {
    "int": [True, 1.0, "1", None, [1]],
    "float": [True, "0.5", None, math.nan, math.inf],
    "bool": [0, 1, "true", None],
    "str": [1, True, None, ["a"]],
    "dict": [[], "a", None],
    "Count": [0, -1, 1.5, True],
    "Index": [-1, 0.0],
    "Seed": [-1, 2**63, True],
    "Dimension": [0, 2.0],
    "Finite": [math.nan, math.inf, -math.inf, "1", True, 1e308, -1e308, 10**400],
    "Positive": [0, -1e-12, math.nan, math.inf, True, 1e-320],
    "Repeats": [0, 10**12],
    "Decay": [-1, 1e308],
    "NonNegative": [-0.1, math.nan],
    "Fraction": [1, 1.0, -0.1, True, False],
    "Share": [0, 1, 0.0, 1.0],
    "int | None": ["None", 1.5, True],
    "Count | None": [0],
    "Literal['min', 'max']": ["MIN", "", None, 0],
    "Literal[1, 2]": [True, 1.0, 3],
    "list[Dimension]": [[0], [True], 5, "ab", None, {1: 2}],
    "list[list[int]]": [[1], [["a"]]],
    "Sequence[str]": ["ab", [1]],
    "tuple[Fraction, Fraction]": [[0.9, 1.0], 0.9, [0.9], [0.9, 0.9, 0.9]],
    "FolderName": [
        "",
        ".",
        "..",
        "../x",
        "/tmp/x",
        "a/b",
        "a\\b",
        "a\0",
        "\x1b[2J",
        "\x9b",
        "\u202e",
        "\udcff",
        "a" * 201,
        1,
    ],
    "Requirement": ["recbole", "git+https://x/y", "x @ file:///y", "--index-url=https://x", "a==1 --pre", "", None],
    "str | int": [1.5, True, None],
    "str | int | None": [True, []],
    "str | list[str]": [[1], 3],
}


def rows(table: dict[str, list[object]]) -> list[object]:
    return [
        pytest.param(annotation, value, id=f"{annotation}: {value!r}"[:60])
        for annotation, values in table.items()
        for value in values
    ]


@pytest.mark.parametrize(("annotation", "value"), rows(ADMITTED))
def test_value_is_admitted(annotation: str, value: object) -> None:
    assert kind(annotation).admits(value)


@pytest.mark.parametrize(("annotation", "value"), rows(REFUSED))
def test_value_is_refused(annotation: str, value: object) -> None:
    assert not kind(annotation).admits(value)


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        ("int", "a whole number"),
        ("bool", "true or false"),
        ("float", "a finite number"),
        ("Finite", "a finite number ≥ -1e+15 and ≤ 1e+15"),
        ("Count", "a whole number ≥ 1 and < 2,147,483,648"),
        ("Fraction", "a finite number ≥ 0 and < 1"),
        ("Positive | None", "a finite number > 0 and ≤ 1e+15, or null"),
        ("Literal['min', 'max']", "one of min, max"),
        ("list[Count]", "a list, each entry a whole number ≥ 1 and < 2,147,483,648"),
        ("str | int", "a text or a whole number"),
    ],
)
def test_kind_says_in_words_what_it_accepts(annotation: str, words: str) -> None:
    assert str(kind(annotation)) == words


def test_every_kind_is_read_by_its_name() -> None:
    names = [name for name, value in vars(kinds).items() if hasattr(value, "__metadata__")]
    numbers = {"Count", "Index", "Seed", "Dimension", "Finite", "Positive", "NonNegative", "Fraction", "Share"}
    limited = {"Repeats", "Parallel", "Layers", "Mebibytes", "Decay", "Exponent"}
    assert numbers | limited | {"FolderName", "Requirement"} == set(names)
    for name in names:
        (bounds,) = getattr(kinds, name).__metadata__
        assert str(bounds) == "finite" or str(kind(name)).endswith(str(bounds))


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (Bounds(), "finite"),
        (Bounds(above=0), "> 0"),
        (Bounds(at_least=1, at_most=5), "≥ 1 and ≤ 5"),
        (Bounds(above=0, below=1), "> 0 and < 1"),
    ],
)
def test_bounds_in_words(bounds: Bounds, words: str) -> None:
    assert str(bounds) == words


@pytest.mark.parametrize(
    "bounds", [Bounds(), Bounds(above=-1), Bounds(at_least=0), Bounds(below=10), Bounds(at_most=9)], ids=str
)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_bounds_admit_what_is_not_finite(bounds: Bounds, value: float) -> None:
    assert not bounds.admit(value)


# -- aliases: a model may name the values of its own settings ----------------------------------------------------------

PACKAGE = {
    "core/kinds.py": Path(kinds.__file__).read_text(encoding="utf-8"),
    "models/names.py": 'from typing import Literal, TypeAlias\nMode: TypeAlias = Literal["sum", "mean"]\n',
    "models/mine.py": """
from __future__ import annotations
from typing import TYPE_CHECKING, Annotated, Literal
from torch import Tensor
from hydrarec.core.kinds import Bounds, Count as Size
from hydrarec.models.names import Mode

if TYPE_CHECKING:
    from hydrarec.models.names import Mode as Also

Loss = Literal["hinge", "warp"]
Width = Annotated[int, Bounds(at_least=2, below=2**31)]
Widths = list[Width]

class Part:
    def __init__(self, *, loss: Loss) -> None: ...

class Mine(Part):
    def __init__(self, *, loss: Loss, mode: Mode | None, also: Also, width: Width, widths: Widths, size: Size,
                 part: Part, weights: Tensor) -> None: ...

class Derived(Mine):
    pass
""",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A small fake hydrarec package; its files are read, never imported."""
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    signatures._names.cache_clear()
    monkeypatch.setattr(signatures, "hydrarec", SimpleNamespace(__file__=str(tmp_path / "__init__.py")))
    yield
    signatures._names.cache_clear()


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("name", ["Mine", "Derived"])
def test_aliases_of_the_module_and_of_other_modules_are_read(name: str) -> None:
    found = parameters(f"hydrarec.models.mine.{name}")
    assert found is not None
    assert {key: str(kind) for key, kind in found.items()} == {
        "loss": "one of hinge, warp",
        "mode": "one of sum, mean, or null",
        "also": "one of sum, mean",
        "width": "a whole number ≥ 2 and < 2,147,483,648",
        "widths": "a list, each entry a whole number ≥ 2 and < 2,147,483,648",
        "size": "a whole number ≥ 1 and < 2,147,483,648",
        "part": "a mapping with the _target_ hydrarec.models.mine.Part",
        "weights": "anything",
    }


@pytest.mark.usefixtures("package")
def test_value_of_an_own_alias_is_held_against_it() -> None:
    found = parameters("hydrarec.models.mine.Mine")
    assert found is not None
    assert found["loss"].admits("warp")
    assert not found["loss"].admits("bpr")


@pytest.mark.usefixtures("package")
def test_an_alias_is_no_definition_to_configure() -> None:
    assert parameters("hydrarec.models.mine.Loss") is None
    assert names_in("hydrarec.models.mine") == ["Part", "Mine", "Derived"]


# -- reading signatures ------------------------------------------------------------------------------------------------


def test_parameters_of_a_class_are_those_of_its_init() -> None:
    found = parameters("hydrarec.models.dot.Dot")
    assert found is not None
    assert list(found) == ["num_users", "num_items", "embedding_dim", "embedding", "init", "init_scale", "l2"]
    assert found["embedding_dim"] == kind("Dimension")


def test_parameters_of_a_dataclass_are_its_fields() -> None:
    found = parameters("hydrarec.training.fit.TrainerSettings")
    assert found is not None
    assert found["limit_batches"] == kind("Count | None")
    assert "check_devices" not in found


def test_parameters_of_a_function() -> None:
    found = parameters("hydrarec.training.optim.optimizers.sgd")
    assert found is not None
    assert list(found) == ["parameters", "learning_rate", "weight_decay", "momentum", "nesterov"]
    assert found["parameters"] == ANYTHING


@pytest.mark.parametrize(
    "target",
    ["hydrarec.models.dot.Doт", "hydrarec.models.nothing.Dot", "hydrarec.models.dot", "hydrarec", "", "Dot", "os.system",
     "hydrarec.cli.entry_point.os.system", "hydrarec.models.dot.Recommender", "hydrarec.models.dot.Dot.forward", "hydrarec.../x.Dot"],
)  # fmt: skip
def test_what_no_module_of_ours_defines_has_no_parameters(target: str) -> None:
    assert parameters(target) is None


def test_public_names_of_a_module() -> None:
    assert names_in("hydrarec.training.optim.optimizers") == ["adam", "adamw", "sgd", "adagrad", "rowwise_adam"]
    assert "_one" not in names_in("hydrarec.training.optim.schedulers")
    assert names_in("hydrarec.nothing") == []
