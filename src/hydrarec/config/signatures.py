"""Accepted parameters of a configurable class, read from its source without importing it.

The signature of a class is the schema of its YAML node: a parameter's annotation gives its type and bounds
(:mod:`hydrarec.core.kinds`). Reading the source with :mod:`ast` instead of importing the module avoids
importing torch for ``--help`` or a mistyped option, and never imports a module just because a configuration names it.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hydrarec
from hydrarec.core.kinds import Bounds, Pattern

PACKAGE = "hydrarec"
KINDS = "hydrarec.core.kinds"


@dataclass(frozen=True)
class Kind:
    """A set of valid values: a description and a predicate. Kinds with equal descriptions are equal.

    ``choices`` are the values, if they are few.
    """

    words: str
    admits: Callable[[Any], bool] = field(compare=False)
    choices: tuple[object, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return self.words


ANYTHING = Kind("anything", lambda value: True)
NULL = Kind("null", lambda value: value is None)
_PLAIN = {
    "int": (int, "a whole number"),
    "float": (float, "a finite number"),
    "bool": (bool, "true or false"),
    "str": (str, "a text"),
    "dict": (dict, "a mapping"),
    "list": (list, "a list"),
}


def parameters(target: str) -> dict[str, Kind] | None:
    """Keyword parameters of ``hydrarec.module.Name`` and their kinds; None if it is not defined.

    A class without ``__init__`` takes the parameters of its bases in hydrarec; a dataclass also its annotated fields.
    """
    module, _, name = target.rpartition(".")
    definition = _names(module).get(name)
    if isinstance(definition, ast.FunctionDef):
        return _signature(definition, module)
    if not isinstance(definition, ast.ClassDef):
        return None
    for statement in definition.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            return _signature(statement, module)
    inherited: dict[str, Kind] = {}
    for base in definition.bases:
        place, found = _find(module, ast.unparse(base))
        if isinstance(found, ast.ClassDef):
            inherited |= parameters(f"{place}.{found.name}") or {}
    is_dataclass = any(ast.unparse(decorator).startswith("dataclass") for decorator in definition.decorator_list)
    return inherited | _signature(definition, module) if is_dataclass else inherited


def is_function(target: str) -> bool:
    """Whether ``hydrarec.module.name`` is a function."""
    module, _, name = target.rpartition(".")
    return isinstance(_names(module).get(name), ast.FunctionDef)


def names_in(module: str) -> list[str]:
    """Public classes and functions defined in a hydrarec module; empty if there is no such module."""
    kinds = (ast.ClassDef, ast.FunctionDef)
    return [name for name, node in _names(module).items() if isinstance(node, kinds) and not name.startswith("_")]


def kind_of(annotation: ast.expr | None, module: str = KINDS) -> Kind:
    """Convert an annotation, its names resolved in ``module``, to a kind. Other types, such as tensors, are ANYTHING."""
    match annotation:
        case ast.Constant(value=None):
            return NULL
        case ast.Name(id=name) if name in _PLAIN:
            return _plain(name, Bounds() if name == "float" else None)
        case ast.Name(id=name):
            return _named(name, module)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _either(kind_of(left, module), kind_of(right, module))
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
            entries = choices.elts if isinstance(choices, ast.Tuple) else [choices]
            return _one_of([entry.value for entry in entries if isinstance(entry, ast.Constant)])
        case ast.Subscript(
            value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[ast.Name(id=name), ast.Call() as call])
        ):
            return _limited(name, call)
        case ast.Subscript(value=ast.Name(id="list" | "Sequence"), slice=entry):
            return _list_of(kind_of(entry, module))
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=[entry, *others])):
            any_length = [ast.unparse(other) for other in others] == ["..."]
            return _list_of(kind_of(entry, module), None if any_length else 1 + len(others))
        case ast.Subscript(value=ast.Name(id="dict")):
            return _plain("dict")
        case _:
            return ANYTHING


def _named(name: str, module: str) -> Kind:
    """Kind of a named annotation: a hydrarec class (built from its own node), a TypedDict, or a type alias."""
    place, definition = _find(module, name)
    if isinstance(definition, ast.expr):
        return kind_of(definition, place)
    if not isinstance(definition, ast.ClassDef):
        return ANYTHING
    is_record = "TypedDict" in map(ast.unparse, definition.bases)
    return _record(_signature(definition, place)) if is_record else _node_of(f"{place}.{definition.name}")


def _node_of(wanted: str) -> Kind:
    """Kind of a mapping whose ``_target_`` is the hydrarec class ``wanted`` or derives from it."""
    return Kind(
        f"a mapping with the _target_ {wanted}",
        lambda value: isinstance(value, dict) and wanted in _lineage(str(value.get("_target_"))),
    )


def _lineage(target: str) -> Iterator[str]:
    """A hydrarec class and those that it derives from, by full name."""
    module, _, name = target.rpartition(".")
    place, definition = _find(module, name)
    if isinstance(definition, ast.ClassDef):
        yield f"{place}.{definition.name}"
        for base in definition.bases:
            yield from _lineage(f"{place}.{ast.unparse(base)}")


def _limited(name: str, call: ast.Call) -> Kind:
    """Kind of ``Annotated[name, Bounds(…)]`` or ``Annotated[str, Pattern(…)]``."""
    if ast.unparse(call.func) == Pattern.__name__:
        pattern = Pattern(*(ast.literal_eval(argument) for argument in call.args))
        return Kind(pattern.words, lambda value: isinstance(value, str) and pattern.admits(value))
    return _plain(name, Bounds(**{str(end.arg): _number(end.value) for end in call.keywords}))


def _plain(name: str, bounds: Bounds | None = None) -> Kind:
    kind, words = _PLAIN[name]
    accepted = (int, float) if kind is float else kind

    def admits(value: Any) -> bool:
        if isinstance(value, bool):  # bool is a subclass of int in Python
            return kind is bool
        return isinstance(value, accepted) and (bounds is None or bounds.admit(value))  # type: ignore[arg-type]

    return Kind(words if bounds is None or str(bounds) == "finite" else f"{words} {bounds}", admits)


def _number(node: ast.expr) -> float:
    """Evaluate a number in source code, including powers such as ``2**63``."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return float(_number(node.left)) ** _number(node.right)
    number: float = ast.literal_eval(node)
    return number


def _either(one: Kind, other: Kind) -> Kind:
    if ANYTHING in (one, other):
        return ANYTHING
    words = f"{one}, or null" if other == NULL else f"{one} or {other}"
    return Kind(words, lambda value: one.admits(value) or other.admits(value))


def _one_of(literals: Sequence[object]) -> Kind:
    return Kind(
        f"one of {', '.join(map(str, literals))}",
        lambda value: any(value == literal and type(value) is type(literal) for literal in literals),
        tuple(literals),
    )


def _list_of(entry: Kind, length: int | None = None) -> Kind:
    return Kind(
        f"a list{f' of {length}' if length else ''}, each entry {entry}",
        lambda value: (
            isinstance(value, list | tuple) and length in (None, len(value)) and all(map(entry.admits, value))
        ),
    )


def _record(fields: dict[str, Kind]) -> Kind:
    """Kind of a mapping with exactly these keys."""
    return Kind(
        "{" + ", ".join(f"{name}: {kind}" for name, kind in fields.items()) + "}",
        lambda value: (
            isinstance(value, dict)
            and value.keys() == fields.keys()
            and all(kind.admits(value[name]) for name, kind in fields.items())
        ),
    )


def _signature(definition: ast.FunctionDef | ast.ClassDef, module: str) -> dict[str, Kind]:
    """Parameters of a function, or fields of a class, with their kinds."""
    if isinstance(definition, ast.FunctionDef):
        arguments = (*definition.args.args, *definition.args.kwonlyargs)
        return {each.arg: kind_of(each.annotation, module) for each in arguments if each.arg != "self"}
    return {
        ast.unparse(statement.target): kind_of(statement.annotation, module)
        for statement in definition.body
        if isinstance(statement, ast.AnnAssign) and "ClassVar" not in ast.unparse(statement.annotation)
    }


def _find(module: str, name: str) -> tuple[str, ast.AST | None]:
    """Defining module and definition of a name used in ``module``; the definition is None outside hydrarec."""
    definition = _names(module).get(name)
    if isinstance(definition, ast.ImportFrom):
        original = next(alias.name for alias in definition.names if name in (alias.asname, alias.name))
        return _find(str(definition.module), original)
    return module, definition


@functools.cache
def _names(module: str) -> dict[str, ast.AST]:
    """Top-level names of a hydrarec module: classes, functions, type aliases and ``from`` imports."""
    parts = module.split(".")
    if parts[0] != PACKAGE or not all(part.isidentifier() for part in parts):
        return {}
    root = Path(hydrarec.__file__).parent.joinpath(*parts[1:])
    source = root / "__init__.py" if root.is_dir() else root.with_suffix(".py")
    if not source.is_file():
        return {}
    tree = ast.parse(source.read_text(encoding="utf-8"))
    names: dict[str, ast.AST] = {}
    for node in ast.walk(tree):  # imports may be under ``if TYPE_CHECKING``
        if isinstance(node, ast.ImportFrom):
            names.update((alias.asname or alias.name, node) for alias in node.names)
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                names[name] = node
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                names[name] = value
    return names
