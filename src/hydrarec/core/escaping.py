"""The only place that escapes text from data, names and files: for terminals, CSV, Markdown and LaTeX.

Titles, ids, names of runs and what other files say may hold characters that a terminal obeys, that a page takes as markup,
or that a spreadsheet computes. HTML is escaped by the template; what no page can show goes through :func:`visible` first.
"""

from __future__ import annotations

import re

# C0 but for tab and newline, DEL, C1, what changes the direction of text or is a line break, and halves of characters.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?%?")
_BACKSLASHED = re.compile(r"[\\|*`\[\]]|(?<![^\W_])_|_(?![^\W_])")
# A backslash does not escape these everywhere: TensorBoard shows it, and GitHub reads it as the start of a formula.
_ENTITIES = re.compile(r"<(?=[\w/!?])|&(?=#?\w+;)|[$~]")
_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_LATEX |= {character: "\\" + character for character in "&%$#_{}"}
_LATEX |= {"–": "--", "…": r"\ldots{}", "≈": r"$\approx$", "±": r"$\pm$", "≥": r"$\geq$"}


def visible(text: str) -> str:
    r"""Write characters that a terminal obeys as ``\x1b``; tabs and newlines stay."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def one_line(text: str) -> str:
    """As :func:`visible`, and line breaks become spaces."""
    return visible(" ".join(text.split("\n")))


def csv_cell(text: str) -> str:
    """A text that no spreadsheet computes: an apostrophe before what begins like a formula, unless it is a number."""
    shown = visible(text)
    return f"'{shown}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else shown


def markdown(text: str) -> str:
    """Escape for Markdown, HTML and formulas; a newline becomes a space."""
    text = _ENTITIES.sub(lambda match: f"&#{ord(match[0])};", text)
    return one_line(_BACKSLASHED.sub(r"\\\g<0>", text))


def latex(text: str) -> str:
    """Escape for LaTeX."""
    return "".join(_LATEX.get(character, character) for character in one_line(text))
