"""Broken YAML in the user's own folder of configurations is refused with its file and line, and at once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hydrarec.config.composition import compose_config, plain
from hydrarec.config.yaml_files import check_file
from hydrarec.core.errors import ConfigError

NINES = "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
BROKEN = {
    "a tab": ("learning_rate: 1\n\tx: 2\n", 2, "not YAML"),
    "a key twice": ("learning_rate: 1\nlearning_rate: 2\n", 2, "'learning_rate' stands twice"),
    "a key twice, deep": ("a:\n  b: 1\n  c: 2\n  b: 3\n", 4, "'b' stands twice"),
    "an open list": ("a: [1, 2\nb: 3\n", 2, "not YAML"),
    "an open quote": ("a: 'b\n\n", 3, "not YAML"),
    "not UTF-8": (b"a: 1\nb: caf\xe9\n", 2, "0xe9"),
    "UTF-16": ("a: 1\n".encode("utf-16"), 1, "not UTF-8"),
    "NUL": (b"a: 1\nb: \x00\n", 2, "U+0000"),
    "a Python object": ("a: 1\nb: !!python/object/apply:os.system ['true']\n", 2, "!!python/object/apply:os.system"),
    "a Python tuple": ("a: !!python/tuple [1]\n", 1, "!!python/tuple"),
    "bytes": ("a: !!binary aGVsbG8=\n", 1, "!!binary"),
    "a set": ("a: !!set {b, c}\n", 1, "!!set"),
    "an alias in its list": ("a: 1\nb: &b [*b]\n", 2, "inside its own anchor"),
    "an alias in its mapping": ("b: &b\n  c: {d: *b}\n", 1, "inside its own anchor"),
    "an alias bomb": ("a: &a [x,x,x,x,x,x,x,x,x]\n" + NINES, 6, "more than 100,000 values"),
    "nested": (f"a: {'[' * 60}{']' * 60}\n", 1, "nested too deeply"),
    "nested beyond the parser": (f"a: {'[' * 5000}{']' * 5000}\n", 1, "nested too deeply"),
    "a list": ("- 1\n", 1, "holds no keys"),
    "a number": ("\n3\n", 2, "holds no keys"),
    "two documents": ("a: 1\n---\nb: 2\n", 2, "not YAML"),
    "a list as key": ("? [1]\n: 2\n", 1, "a key that is no text"),
    "no key": ("null: 2\n", 1, "a key that is no text"),
    "an open interpolation": ("a: 1\nlearning_rate: ${\n", 2, "interpolation"),
    "defaults that are no list": ("a: 1\ndefaults: {b: c}\n", 2, "defaults"),
    "defaults of lists": ("defaults:\n  - a\n  - [b]\n", 3, "defaults"),
    "defaults of itself": ("a: 1\ndefaults: [mine]\n", 2, "lead back to the file itself"),
    "defaults of itself by another": ("defaults: [other]\n", 1, "lead back to the file itself"),
    "too long": ("a: 1\n" * 300_000, 1, "1 MiB"),
}  # fmt: skip


@pytest.fixture
def group(tmp_path: Path) -> Path:
    folder = tmp_path / "my conf" / "optimizer"
    folder.mkdir(parents=True)
    (folder / "other.yaml").write_text("defaults: [mine]\n")
    return folder


def compose(group: Path, *overrides: str) -> dict:
    return plain(compose_config([f"hydra.searchpath=['file://{group.parent}']", *overrides]))


@pytest.mark.parametrize(("content", "line", "says"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_file_is_refused_with_its_line(group: Path, content: str | bytes, line: int, says: str) -> None:
    file = group / "mine.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = time.monotonic()
    with pytest.raises(ConfigError) as caught:
        compose(group, "optimizer=mine")
    assert time.monotonic() - before < 10
    assert (caught.value.file, caught.value.line) == (str(file), line)
    assert says in caught.value.what
    assert len(str(caught.value).splitlines()) == 3


def test_broken_file_that_nobody_asks_for_is_not_in_the_way(group: Path) -> None:
    (group / "mine.yaml").write_text("a: [\n")
    assert compose(group)["optimizer"]["_target_"].endswith("adam")


def test_whole_files_are_read(group: Path) -> None:
    text = """# my optimiser: two values from one anchor
defaults: [adam]
betas: &betas [0.5, 0.9]
learning_rate: ${times:2,0.01}
"""
    (group / "mine.yaml").write_text(text)
    optimizer = compose(group, "optimizer=mine")["optimizer"]
    assert (optimizer["betas"], optimizer["learning_rate"]) == ([0.5, 0.9], 0.02)
    (group / "empty.yaml").write_text("")
    check_file(group / "empty.yaml")


def test_aliases_within_reason_are_fine(tmp_path: Path) -> None:
    file = tmp_path / "aliases.yaml"
    file.write_text("a: &a {b: 1}\nc: [*a, *a]\nd: {<<: *a, e: 2}\n")
    check_file(file)
