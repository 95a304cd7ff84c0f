"""Settings and results of a run folder with any entry replaced: read, or refused with the file's name; never a traceback."""

from __future__ import annotations

import copy
import json
import random
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hydrarec.cli import recommend, report, train
from hydrarec.core.errors import HydrarecError

OLD = Path(__file__).parents[1] / "golden" / "old_runs" / "rating"
FILES = {"run.json": json.loads, "result.json": json.loads, "config.yaml": yaml.safe_load}
VALUES = ("text", None, [], {}, ["a", 1], {"a": {"b": 1}}, -1, 1e308, True, float("nan"), "\x1b[2J")
GONE = object()
COMMANDS = {
    "report": (report, "runs=run", "resamples=10"),
    "recommend": (recommend, "run=run", "user=1"),
    "resume": (train, "resume=run"),
}
Path_ = tuple[Any, ...]


def places(node: object, path: Path_ = ()) -> Iterator[Path_]:
    yield path
    if isinstance(node, dict):
        for key, entry in node.items():
            yield from places(entry, (*path, key))
    elif isinstance(node, list) and node:
        yield from places(node[0], (*path, 0))


def replaced(content: Any, path: Path_, value: object) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(content)
    node = changed
    for key in path[:-1]:
        node = node[key]
    if value is GONE:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return changed


def mutations() -> list[tuple[str, Path_, object]]:
    found = []
    for name, parse in FILES.items():
        for path in places(parse((OLD / name).read_text())):
            found += [(name, path, value) for value in (*VALUES, *([GONE] if path else []))]
    return found


@pytest.mark.parametrize("count", [6, pytest.param(500, marks=pytest.mark.slow)])
def test_any_entry_may_be_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.chdir(tmp_path)
    for name, path, value in random.Random(count).sample(mutations(), count):
        shutil.rmtree("run", ignore_errors=True)
        shutil.copytree(OLD, "run")
        content = replaced(FILES[name]((OLD / name).read_text()), path, value)
        text = yaml.safe_dump(content) if name == "config.yaml" else json.dumps(content)
        Path("run", name).write_text(text, encoding="utf-8")
        for command, *arguments in COMMANDS.values():
            monkeypatch.setattr(sys, "argv", ["hydrarec", *arguments])
            try:
                command._main()
            except HydrarecError as error:
                assert error.exit_code == 4, (name, path, value, str(error))
                assert name in str(error), (name, path, value, str(error))
