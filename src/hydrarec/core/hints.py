"""Settings in the fix line of an error, as text that can be pasted into a shell as it is."""

from __future__ import annotations

import re
import shlex

_PLAIN = re.compile(r"[A-Za-z_/.][\w/.@%:+\-]*", re.ASCII)
_READ_AS_VALUE = {"null", "true", "false", "nan", "inf"}


def setting(key: str, value: object) -> str:
    """``key=value`` such that the shell and Hydra together read exactly ``value``: a text is quoted for both if needed."""
    return pasted(f"{key}={literal(value)}")


def pasted(override: str) -> str:
    """An override, quoted for the shell if needed, and so that it can be read: ``key="'a b'"``."""
    key, equals, value = override.partition("=")
    if shlex.quote(override) != override and equals and shlex.quote(key) == key and not re.search(r'["$`\\!]', value):
        return f'{key}="{value}"'
    return shlex.quote(override)


def literal(value: object) -> str:
    """A value in Hydra's syntax of overrides."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{','.join(map(literal, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{literal(key)}:{literal(entry)}' for key, entry in value.items())}}}"
    text = str(value)
    if not isinstance(value, str) or (_PLAIN.fullmatch(text) and text.lower() not in _READ_AS_VALUE):
        return text
    return quoted(text)


def quoted(value: object) -> str:
    """A text in quotes for Hydra that means exactly this text, whatever characters it has.

    A backslash is an escape only before a quote or an interpolation.
    """
    escaped = re.sub(r"(\\*)\$\{", lambda found: f"{found[1] * 2}\\${{", str(value))
    return "'" + re.sub(r"(\\*)('|\Z)", lambda found: found[1] * 2 + found[2].replace("'", "\\'"), escaped) + "'"
