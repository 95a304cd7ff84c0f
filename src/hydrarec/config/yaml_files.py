"""YAML files of the user: read by Hydra, after a check that names the file and the line of every fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml
from hydra._internal.core_plugins import file_config_source
from hydra._internal.sources_registry import SourcesRegistry
from hydra.plugins.config_source import ConfigResult
from omegaconf import OmegaConf
from omegaconf.errors import GrammarParseError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from hydrarec.config.location import conf_dir
from hydrarec.core.errors import ConfigError

LARGEST = 100_000  # values of one file, aliases written out; Hydra copies each of them several times
LONGEST = 1 << 20  # bytes of one file: a second to parse
DEEPEST = 50
PLAIN = {
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "merge", "map", "seq")
}


class FileConfigSource(file_config_source.FileConfigSource):
    """Hydra's reader of YAML files. Has the name of Hydra's own class: a second registration under it is no error."""

    def load_config(self, config_path: str) -> ConfigResult:
        """Read one file.

        Raises:
            ConfigError: the file is not plain YAML, with its line.
        """
        file = Path(self.path, self._normalize_file_name(config_path)).resolve()
        if file.is_file() and not file.is_relative_to(conf_dir()):
            check_file(file)
        return super().load_config(config_path)


def register() -> None:
    """Let Hydra read its files through :class:`FileConfigSource`."""
    SourcesRegistry.instance().types["file"] = FileConfigSource


def check_file(file: Path) -> None:
    """Raise :class:`ConfigError` unless ``file`` holds one mapping of plain values, without cycles or alias bombs."""
    if file.stat().st_size > LONGEST:
        _refuse(file, f"more than {LONGEST >> 20} MiB, too long for a file of settings", 1)
    try:
        text = file.read_bytes().decode("utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        line = 1 + error.object[: error.start].count(b"\n")
        _refuse(file, f"not UTF-8: byte 0x{error.object[error.start]:02x}", line)
    except yaml.reader.ReaderError as error:
        line = 1 + text[: error.position].count("\n")
        _refuse(file, f"a character that YAML forbids: U+{ord(text[error.position]):04X}", line)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _refuse(file, f"not YAML: {error.problem or error.context}", mark.line + 1 if mark else 1)
    except RecursionError:
        _refuse(file, "nested too deeply", 1)
    if node is None:
        return
    if not isinstance(node, MappingNode):
        _refuse(file, "holds no keys", node.start_mark.line + 1)
    _check_nodes(file, node)
    for key, value in node.value:
        if key.value == "defaults":
            _check_defaults(file, value)


def _check_nodes(file: Path, top: Node) -> None:
    """Check every node once, children before parents, without recursion: aliases make a graph of few nodes large."""
    sizes: dict[int, int] = {}
    open_: set[int] = set()
    waiting = [(top, False)]
    while waiting:
        node, is_done = waiting.pop()
        if is_done:
            open_.discard(id(node))
            sizes[id(node)] = 1 + sum(sizes[id(child)] for child in _children(node))
            if sizes[id(node)] > LARGEST:
                what = f"more than {LARGEST:,} values once its aliases are written out"
                _refuse(file, what, node.start_mark.line + 1)
        elif id(node) in open_:
            _refuse(file, "an alias inside its own anchor", node.start_mark.line + 1)
        elif id(node) not in sizes:
            _check_node(file, node)
            open_.add(id(node))
            if len(open_) > DEEPEST:
                _refuse(file, "nested too deeply", node.start_mark.line + 1)
            waiting.append((node, True))
            waiting += [(child, False) for child in _children(node)]


def _check_node(file: Path, node: Node) -> None:
    line = node.start_mark.line + 1
    if node.tag not in PLAIN:
        _refuse(file, f"the tag {node.tag.replace('tag:yaml.org,2002:', '!!')} is not read", line)
    if isinstance(node, ScalarNode) and "${" in node.value:
        _check_interpolation(file, node.value, line)
    if isinstance(node, MappingNode):
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, ScalarNode) or key.tag.endswith(":null"):
                _refuse(file, "a key that is no text", key.start_mark.line + 1)
            if key.value in seen:
                _refuse(file, f"the key '{key.value}' stands twice in one mapping", key.start_mark.line + 1)
            seen.add(key.value)


def _check_interpolation(file: Path, text: str, line: int) -> None:
    try:
        OmegaConf.create([text])
    except GrammarParseError as error:
        _refuse(file, f"cannot read the interpolation {text}: {str(error).splitlines()[0]}", line)


def _check_defaults(file: Path, node: Node) -> None:
    entries = node.value if isinstance(node, SequenceNode) else [node]
    for entry in entries:
        is_pair = isinstance(entry, MappingNode) and len(entry.value) == 1
        if not isinstance(node, SequenceNode) or not (isinstance(entry, ScalarNode) or is_pair):
            _refuse(file, "defaults is no list of names and of group: option", entry.start_mark.line + 1)


def _children(node: Node) -> Iterator[Node]:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, SequenceNode):
        yield from node.value


def _refuse(file: Path, what: str, line: int) -> NoReturn:
    raise ConfigError(
        what,
        expected="YAML in UTF-8: keys with plain values, each key once",
        fix="correct the line",
        file=file,
        line=line,
    ) from None


def refuse_endless_defaults(folders: Iterable[Path]) -> NoReturn:
    """Raise :class:`ConfigError` for the file whose defaults list leads back to the file itself."""
    for folder in folders:
        for file in sorted(folder.rglob("*.yaml")):
            seen: set[Path] = set()
            waiting = list(_included(file, folder))
            while waiting:
                other = waiting.pop()
                if other == file.resolve():
                    lines = file.read_text(encoding="utf-8").splitlines()
                    line = next(number for number, text in enumerate(lines, 1) if text.startswith("defaults"))
                    _refuse(file, "its defaults lead back to the file itself", line)
                if other not in seen:
                    seen.add(other)
                    waiting += _included(other, folder)
    raise ConfigError(
        "a configuration without end", expected="values that end", fix="remove what contains itself", value=None
    )


def _included(file: Path, folder: Path) -> Iterator[Path]:
    """Files that the defaults list of ``file`` names, in the same folder of configurations."""
    content: Any = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else None
    for entry in content.get("defaults") or [] if isinstance(content, dict) else []:
        group, option = next(iter(entry.items())) if isinstance(entry, dict) else ("", entry)
        group = str(group).removeprefix("override ").removeprefix("optional ").split("@")[0].strip()
        base = folder if group.startswith("/") or str(option).startswith("/") else file.parent
        yield (base / group.strip("/") / f"{str(option).strip('/')}.yaml").resolve()
