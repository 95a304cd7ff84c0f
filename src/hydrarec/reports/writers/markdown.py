"""Markdown that shows names as they are, whatever is in them: on GitHub, in editors, in TensorBoard."""

from __future__ import annotations

import re
from collections.abc import Sequence

_BACKSLASHED = re.compile(r"[\\|*`\[\]]|(?<![^\W_])_|_(?![^\W_])")
# Not every renderer takes a backslash before these: TensorBoard's shows it, GitHub's sees a formula behind it.
_ENTITIES = re.compile(r"<(?=[\w/!?])|&(?=#?\w+;)|[$~]")


def escaped(text: str) -> str:
    """Text in which nothing is taken for Markdown, HTML or a formula; a newline becomes a space."""
    text = _ENTITIES.sub(lambda match: f"&#{ord(match[0])};", text)
    return _BACKSLASHED.sub(r"\\\g<0>", text).replace("\n", " ")


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table; the cells are Markdown."""
    return ["| " + " | ".join(line) + " |" for line in (header, ["---"] * len(header), *rows)]
