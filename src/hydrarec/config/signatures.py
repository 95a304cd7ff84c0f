"""What a configurable class accepts, read from its source without importing it.

The signature of a class is the schema of its YAML node: a parameter's annotation gives its type and bounds
(:mod:`hydrarec.core.kinds`). Reading the source with :mod:`ast` instead of importing the module keeps torch out of
``--help`` and out of the answer to a mistyped option, and imports nothing that a configuration names.
"""

from __future__ import annotations

import ast
import functools
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, is_typeddict

import hydrarec
from hydrarec.core import kinds
from hydrarec.core.kinds import Bounds

PACKAGE = "hydrarec"


@dataclass(frozen=True)
class Kind:
    """A set of admissible values: plain types with bounds, literals, sequences of a kind. ``anything`` admits all."""

    types: tuple[type, ...] = ()
    bounds: Bounds | None = None
    literals: tuple[object, ...] = ()
    element: Kind | None = None
    optional: bool = False
    anything: bool = False
    alternatives: tuple[Kind, ...] = ()
    length: int | None = None  # of a sequence
    fields: tuple[tuple[str, Kind], ...] = ()  # of a mapping with exactly these keys
    node: bool = False  # a mapping that says what it is by its _target_

    def admits(self, value: object) -> bool:
        if self.anything or (self.optional and value is None):
            return True
        if self.alternatives:
            return any(kind.admits(value) for kind in self.alternatives)
        if self.literals:
            return any(value == literal and type(value) is type(literal) for literal in self.literals)
        if self.node:
            return isinstance(value, dict) and "_target_" in value
        if self.fields:
            return (
                isinstance(value, dict)
                and set(value) == {name for name, _ in self.fields}
                and all(kind.admits(value[name]) for name, kind in self.fields)
            )
        if self.element is not None:
            fits = isinstance(value, list | tuple) and self.length in (None, len(value))
            return fits and all(self.element.admits(entry) for entry in value)  # type: ignore[attr-defined]
        if isinstance(value, bool):  # bool is an int to Python, not to a person
            return bool in self.types
        accepted = (*self.types, int) if float in self.types else self.types
        return isinstance(value, accepted) and (self.bounds is None or self.bounds.admit(value))  # type: ignore[arg-type]

    def __str__(self) -> str:
        if self.alternatives:
            text = " or ".join(str(kind) for kind in self.alternatives)
        elif self.literals:
            text = "one of " + ", ".join(str(literal) for literal in self.literals)
        elif self.node:
            text = "a mapping with a _target_"
        elif self.fields:
            text = "{" + ", ".join(f"{name}: {kind}" for name, kind in self.fields) + "}"
        elif self.element is not None:
            text = f"a list{f' of {self.length}' if self.length else ''}, each entry {self.element}"
        else:
            names = {int: "a whole number", float: "a finite number", bool: "true or false", str: "a text"}
            text = " or ".join(names.get(kind, kind.__name__) for kind in self.types)
            if self.bounds is not None and str(self.bounds) != "finite":
                text += f" {self.bounds}"
        return f"{text}, or null" if self.optional else text


ANYTHING = Kind(anything=True)
_PLAIN = {"int": int, "str": str, "bool": bool, "dict": dict}
_UNKNOWN = {"Any", "Tensor", "object"}  # names of types that no configuration gives


def parameters(target: str) -> dict[str, Kind] | None:
    """The keyword parameters of ``hydrarec.module.Name`` and what each admits; None if there is no such definition.

    A class without an ``__init__`` has that of its base in the same module, or its annotated fields.
    """
    module, _, name = target.rpartition(".")
    definition = _definitions(module).get(name)
    if definition is None:
        return None
    if isinstance(definition, ast.FunctionDef):
        return _arguments(definition)
    for statement in definition.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            return _arguments(statement)
    for base in definition.bases:  # of the same module
        if isinstance(base, ast.Name) and base.id in _definitions(module):
            return parameters(f"{module}.{base.id}")
    return {  # a dataclass
        statement.target.id: kind_of(statement.annotation)
        for statement in definition.body
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and not _is_class_var(statement)
    }


def names_in(module: str) -> list[str]:
    """The public classes and functions that a hydrarec module defines; empty if there is no such module."""
    return [name for name in _definitions(module) if not name.startswith("_")]


def kind_of(annotation: ast.expr | None) -> Kind:
    """Read an annotation; what is neither plain nor a kind of :mod:`hydrarec.core.kinds` admits anything."""
    match annotation:
        case ast.Name(id="float"):
            return Kind(types=(float,), bounds=Bounds())
        case ast.Name(id=name) if name in _PLAIN:
            return Kind(types=(_PLAIN[name],))
        case ast.Name(id=name) if get_origin(getattr(kinds, name, None)) is Annotated:
            plain, bounds = get_args(getattr(kinds, name))
            return Kind(types=(plain,), bounds=bounds)
        case ast.Name(id=name) if get_origin(getattr(kinds, name, None)) is Literal:
            return Kind(literals=get_args(getattr(kinds, name)))
        case ast.Name(id=name) if is_typeddict(getattr(kinds, name, None)):
            fields = inspect.get_annotations(getattr(kinds, name))
            return Kind(fields=tuple((field, kind_of(_parsed(text))) for field, text in fields.items()))
        case ast.Name(id=name) if name not in _UNKNOWN:
            return Kind(node=True)  # a class of ours, built from a node of its own
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
            inner = kind_of(left)
            return inner if inner.anything else Kind(**{**inner.__dict__, "optional": True})
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return Kind(alternatives=(kind_of(left), kind_of(right)))
        case ast.Subscript(value=ast.Name(id="Literal"), slice=choices):
            entries = choices.elts if isinstance(choices, ast.Tuple) else [choices]
            return Kind(literals=tuple(entry.value for entry in entries if isinstance(entry, ast.Constant)))
        case ast.Subscript(value=ast.Name(id="list" | "Sequence"), slice=entry):
            return Kind(element=kind_of(entry))
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=[entry, *others])):
            return Kind(element=kind_of(entry), length=1 + len(others))
        case ast.Subscript(value=ast.Name(id="dict")):
            return Kind(types=(dict,))
        case _:
            return ANYTHING


def kinds_of(schema: type) -> dict[str, Kind]:
    """The fields of a dataclass of plain values that is at hand, and what each admits."""
    return {name: kind_of(_parsed(text)) for name, text in inspect.get_annotations(schema).items()}


def _parsed(annotation: Any) -> ast.expr:
    """An annotation as source: a string already, or inside the forward reference that TypedDict makes of it."""
    return ast.parse(getattr(annotation, "__forward_arg__", annotation), mode="eval").body


def _arguments(function: ast.FunctionDef) -> dict[str, Kind]:
    spec = function.args
    arguments = [argument for argument in (*spec.args, *spec.kwonlyargs) if argument.arg != "self"]
    return {argument.arg: kind_of(argument.annotation) for argument in arguments}


def _is_class_var(statement: ast.AnnAssign) -> bool:
    return "ClassVar" in ast.unparse(statement.annotation)


@functools.cache
def _definitions(module: str) -> dict[str, ast.ClassDef | ast.FunctionDef]:
    parts = module.split(".")
    if parts[0] != PACKAGE or not all(part.isidentifier() for part in parts):
        return {}
    root = Path(hydrarec.__file__).parent.joinpath(*parts[1:])
    source = root / "__init__.py" if root.is_dir() else root.with_suffix(".py")
    if not source.is_file():
        return {}
    body: list[Any] = ast.parse(source.read_text(encoding="utf-8")).body
    written_out = _Aliases(body)
    return {node.name: written_out.visit(node) for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)}


class _Aliases(ast.NodeTransformer):
    """Replaces a module's own aliases of literals, ``Loss = Literal["a", "b"]``, by what they are short for."""

    def __init__(self, body: list[Any]) -> None:
        self.aliases = {
            target.id: node.value
            for node in body
            if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("Literal[")
            for target in node.targets
            if isinstance(target, ast.Name)
        }

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.aliases.get(node.id, node)
