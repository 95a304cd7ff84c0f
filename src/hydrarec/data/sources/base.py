"""What all sources of a dataset share: the files that are required, and the reason why a source does not have them."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


class Refusal(Exception):
    """The reason why one source failed; the next source is tried, and the last error lists them all.

    Args:
        source: a path or a URL.
        reason: what is wrong with it.
        kind: ``absent`` (not there), ``content`` (there, but not what it should be) or ``network``.
    """

    def __init__(self, source: str, reason: str, kind: Literal["absent", "content", "network"]) -> None:
        super().__init__(source, reason, kind)
        self.source, self.reason, self.kind = source, reason, kind

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"


@dataclass(frozen=True)
class RequiredFiles:
    """The files of a dataset, by their names in its folder.

    Args:
        alternatives: sets of file names; one complete set is enough.
        files: every file that the reader may read, including optional ones.
    """

    alternatives: Sequence[Sequence[str]]
    files: Sequence[str]

    def missing(self, available: Container[str]) -> list[str]:
        """The names of the first alternative that are not available; empty if any alternative is complete."""
        missing = [[name for name in names if name not in available] for names in self.alternatives]
        return [] if [] in missing else missing[0]

    def missing_in(self, folder: Path) -> list[str]:
        """The names that are missing in a folder, which need not exist."""
        return self.missing([name for name in self.files if (folder / name).is_file()])


def html_start(file: Path) -> str:
    """``; starts with '<html'`` if a web page was saved in place of the file, else nothing."""
    with file.open("rb") as stream:
        head = stream.read(200).lstrip()
    return f"; starts with '{head.split(b'>')[0][:30].decode('latin-1')}'" if head[:1] == b"<" else ""
