"""Check overrides as the user typed them, before anything is composed: what Hydra accepts in silence or answers in riddles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from hydra.core.override_parser.types import Override

from hydrarec.config.foreign_names import EMPTY, KEYS, SETTINGS, VALUES
from hydrarec.config.location import conf_dir
from hydrarec.core.errors import ConfigError
from hydrarec.core.hints import pasted, setting

MERGED = ("callbacks",)  # groups whose options complete each other: callbacks=[early_stopping,embeddings]


def check_text(override: str) -> None:
    """Raise :class:`ConfigError` for an argument that is no text, or no setting at all."""
    try:
        override.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"{override!a} is not UTF-8",
            expected="a setting in UTF-8",
            fix="rename the file or folder, or set the shell's locale to UTF-8",
            value=ascii(override),
        ) from error


def unreadable(override: str) -> ConfigError:
    """The error for an override that Hydra cannot parse, with the quoted form where the value may be a text."""
    key, equals, value = override.partition("=")
    name = key.lstrip("+")
    fix = "quotes around values with special characters: " + setting("name", "a=b")
    if equals and re.fullmatch(r"[A-Za-z_]\w*(\.\w+)*", name) and name not in groups():
        fix = f"{setting(key, value.strip(chr(34) + chr(39)))} if the value is one text"
    elif not equals and name in groups():
        fix = f"{name}=<one of: {', '.join(options(name))}>"
    return ConfigError(
        f"cannot read the override '{_printable(override)}'",
        expected="key=value, group=option, +key=value or ~key",
        fix=fix,
        value=override,
    )


def check_overrides(parsed: Sequence[Override], config_name: str) -> None:
    """Raise :class:`ConfigError` for an override that cannot be meant as it stands."""
    has_torch_optimizer = any(override.key_or_group == "optimizer._target_" for override in parsed)
    for override in parsed:
        key, line = override.key_or_group, str(override.input_line)
        if not key:
            raise unreadable(line)
        if override.is_sweep_override():
            raise _several_values(key, line, config_name)
        if config_name == "train" and not override.is_delete():
            _check_foreign(override, key, line, has_torch_optimizer)
        if config_name == "train" and (key in groups() or "/" in key):
            _check_group(override, key, line)


def foreign_key(key: str, typed: str) -> str | None:
    """The setting that an unknown key of another library stands for, as text to paste; None if it is not known."""
    last = key.rpartition(".")[2]
    if last in SETTINGS:
        return SETTINGS[last]
    return pasted(f"{KEYS[last]}={typed}") if last in KEYS and KEYS[last] != key else None


def _check_foreign(override: Override, key: str, line: str, has_torch_optimizer: bool) -> None:
    parent = key.rpartition(".")[0]
    today = VALUES.get(line.lstrip("+"))
    if today is None and parent in ("", "trainer", "optimizer") and not (parent == "optimizer" and has_torch_optimizer):
        today = foreign_key(key, line.partition("=")[2])
    if today is not None:
        raise ConfigError(f"{line} is a setting of another library", expected=today, fix=today, value=line)


def _several_values(key: str, line: str, config_name: str) -> ConfigError:
    text = line.partition("=")[2]
    is_text = key not in groups() and "(" not in text and re.search(r"[^\W\d]", text) is not None
    if config_name != "train":
        fix = setting(key, text) if is_text else f"{key}=<one value>"
    else:
        fix = f"hydrarec-train -m {pasted(line)}" + (f", or {setting(key, text)} if it is one text" if is_text else "")
    expected = "one value, or a sweep: -m" if config_name == "train" else "one value"
    return ConfigError(f"{line} gives {key} several values", expected=expected, fix=fix, value=line)


def _check_group(override: Override, group: str, line: str) -> None:
    value: Any = override.value()
    if override.is_delete():
        if group not in groups():
            return  # one of Hydra's own
        empty = EMPTY.get(group)
        raise ConfigError(
            f"~{group}: every run has a {group}",
            expected=f"{group}={empty}" if empty else f"one of {', '.join(options(group))}",
            fix=f"{group}={empty}" if empty else f"{group}=<one of these>, or leave ~{group} out",
            value=line,
        )
    if value is None or isinstance(value, bool | int | float):
        raise ConfigError(
            f"{line}: there is no such {group}",
            expected=f"one of {', '.join(options(group))}",
            fix=f"one of the files in conf/{group}",
            value=value,
        )
    if isinstance(value, list) and not (group in MERGED and value and all(isinstance(entry, str) for entry in value)):
        first = value[0] if value and isinstance(value[0], str) else "<one of these>"
        raise ConfigError(
            f"{line} gives {group} several options, which would be mixed",
            expected=f"one of {', '.join(options(group))}; several, one after the other: -m {group}=a,b",
            fix=f"{group}={first}",
            value=line,
        )
    replaces = isinstance(value, dict) and not (override.is_add() or override.is_force_add())
    if replaces or "${" in str(value):
        raise ConfigError(
            f"{_printable(line)}: {group} is chosen by name",
            expected=f"one of {', '.join(options(group))}",
            fix=f"{group}=<one of these>"
            + (f", or {pasted('+' + line)} to add to it" if isinstance(value, dict) else ""),
            value=line,
        )


@cache
def groups() -> tuple[str, ...]:
    """Groups of ``conf/``, such as ``model`` and ``task/protocol``; without Hydra's own."""
    folders = {path.parent.relative_to(conf_dir()).as_posix() for path in conf_dir().rglob("*/*.yaml")}
    return tuple(sorted(folder for folder in folders if not folder.startswith("hydra")))


@cache
def options(group: str) -> tuple[str, ...]:
    """Options of a group in ``conf/``."""
    return tuple(sorted(path.stem for path in (conf_dir() / group).glob("*.yaml")))


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]
