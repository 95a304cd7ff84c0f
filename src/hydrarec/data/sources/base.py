"""Types shared by all dataset sources: the required files, and the reason why a source failed."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


class Refusal(Exception):
    """Raised if one source fails; the next source is tried, and the final error lists all reasons.

    Args:
        source: a path or a URL.
        reason: what is wrong with the source.
        kind: ``absent`` (missing), ``content`` (present but wrong) or ``network``.
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
        """The missing names of the first alternative; empty if any alternative is complete."""
        missing = [[name for name in names if name not in available] for names in self.alternatives]
        return [] if [] in missing else missing[0]

    def missing_in(self, folder: Path) -> list[str]:
        """As :meth:`missing`, for the files in a folder, which need not exist."""
        return self.missing([name for name in self.files if (folder / name).is_file()])


def html_start(file: Path) -> str:
    """``; starts with '<html'`` if a web page was saved instead of the file, else ``""``."""
    with file.open("rb") as stream:
        head = stream.read(200).lstrip()
    return f"; starts with '{head.split(b'>')[0][:30].decode('latin-1')}'" if head[:1] == b"<" else ""
