"""Measure the structure of the source from its imports: python scripts/structure.py

A room is a folder of ``src/hydrarec`` (or the folder of Hydra plugins); an arrow from one room to another means that a file
of the first imports from the second, anywhere in the file and for whatever reason. :data:`FLOORS` is the plan: a room may
import from the floors below its own, and from nothing else. ``tests/test_architecture.py`` holds the source to the plan.
"""

from __future__ import annotations

import argparse
import ast
import collections
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src"
PLUGINS = "hydra_plugins"
FLOORS: tuple[tuple[str, ...], ...] = (  # from the ground up
    ("core",),
    ("config", "data"),
    ("analysis", "tasks", "runs"),
    ("models", "figures"),
    ("reports", "recommend"),
    ("training",),
    ("sweeps",),
    ("cli", PLUGINS),
)
MAY_REPEAT = {"__init__.py", "base.py"}  # file names that say nothing by themselves

Edge = tuple[str, str]


@dataclass(frozen=True)
class Structure:
    """The modules below ``source`` and what imports what.

    Attributes:
        files: dotted module name → path; a package has the name of its folder.
        source: the folder that holds the top-level packages.
    """

    files: Mapping[str, Path]

    @classmethod
    def of(cls, source: Path = SOURCE) -> Structure:
        return cls({module_name(path, source): path for path in sorted(source.rglob("*.py"))})

    @cached_property
    def module_edges(self) -> set[Edge]:
        return {(name, used) for name, path in self.files.items() for used in self._imports(path) if used != name}

    @cached_property
    def room_edges(self) -> set[Edge]:
        pairs = {(room_of(one), room_of(other)) for one, other in self.module_edges}
        return {(one, other) for one, other in pairs if one and other and one != other}

    @cached_property
    def rooms(self) -> dict[str, int]:
        """Lines per room."""
        lines: collections.Counter[str] = collections.Counter()
        for name, path in self.files.items():
            lines[room_of(name)] += len(path.read_text(encoding="utf-8").splitlines())
        return dict(sorted(lines.items()))

    def loose(self) -> list[str]:
        """Modules that lie in no room; ``__init__`` and ``__main__`` are the face of the package."""
        return sorted(
            path.name
            for name, path in self.files.items()
            if not room_of(name) and path.stem not in ("__init__", "__main__")
        )

    def upward(self) -> list[str]:
        """Arrows to the same floor of the plan or a higher one."""
        floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
        top = len(FLOORS)
        wrong = [(a, b) for a, b in sorted(self.room_edges) if floor.get(b, top) >= floor.get(a, top)]
        return [
            f"{one} → {other}: {name} imports {used}"
            for one, other in wrong
            for name, used in sorted(self.module_edges)
            if (room_of(name), room_of(used)) == (one, other)
        ]

    def repeated_names(self) -> dict[str, int]:
        counts = collections.Counter(path.name for path in self.files.values() if path.name not in MAY_REPEAT)
        return {name: count for name, count in counts.items() if count > 1}

    def _imports(self, path: Path) -> Iterator[str]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                wanted = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                wanted = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            for name in wanted:
                module = name if name in self.files else name.rpartition(".")[0]
                if module in self.files:
                    yield module


def module_name(path: Path, source: Path) -> str:
    """The dotted name of a file below ``source``."""
    parts = path.relative_to(source).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """``hydrarec.data.splits.rows`` → ``data``; empty for the face of the package."""
    top, _, rest = module.partition(".")
    return PLUGINS if top == PLUGINS else rest.partition(".")[0]


def circles(edges: Iterable[Edge]) -> list[list[str]]:
    """Groups of two or more nodes that reach each other (strongly connected components, Tarjan 1972)."""
    following = collections.defaultdict(set)
    for one, other in edges:
        following[one].add(other)
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        stack.append(node)
        for other in sorted(following[node]):
            if other not in number:
                visit(other)
            if other in stack:
                lowest[node] = min(lowest[node], lowest[other])
        if lowest[node] == number[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(following):
        if node not in number:
            visit(node)
    return found


def floors(edges: Iterable[Edge]) -> int:
    """Rooms on the longest way down; only of a structure without circles."""
    below = collections.defaultdict(set)
    for one, other in edges:
        below[one].add(other)

    def height(room: str) -> int:
        return 1 + max((height(other) for other in below[room]), default=0)

    return max((height(room) for room in list(below)), default=0)


def summary(structure: Structure) -> list[str]:
    """What is measured, a figure per line."""
    rooms, edges = structure.rooms, structure.room_edges
    in_circles = circles(edges)
    named = {room: lines for room, lines in rooms.items() if room}
    return [
        f"rooms {len(named)}",
        f"floors {floors(edges) if not in_circles else 'none: there are circles'}",
        f"arrows {len(edges)}",
        f"circles between rooms {len(in_circles)}",
        f"circles between files {len(circles(structure.module_edges))}",
        f"arrows upwards {len(structure.upward())}",
        f"lines {sum(rooms.values())}",
        f"files {len(structure.files)}",
        f"repeated file names {len(structure.repeated_names())}",
        "",
        *(f"{room:14} {lines:6,} lines" for room, lines in sorted(named.items(), key=lambda entry: -entry[1])),
    ]


def main() -> int:
    """Print the measures and every fault; 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arrows", action="store_true", help="list every arrow between rooms")
    arguments = parser.parse_args()
    structure = Structure.of()
    print("\n".join(summary(structure)))
    problems = [
        *(f"circle: {' · '.join(group)}" for group in circles(structure.room_edges)),
        *(f"circle: {' · '.join(group)}" for group in circles(structure.module_edges)),
        *(f"upwards: {arrow}" for arrow in structure.upward()),
        *(f"loose: {name}" for name in structure.loose()),
        *(f"repeated: {name} ({count} times)" for name, count in structure.repeated_names().items()),
    ]
    print(*problems, sep="\n")
    if arguments.arrows:
        print(*(f"{one} → {other}" for one, other in sorted(structure.room_edges)), sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
