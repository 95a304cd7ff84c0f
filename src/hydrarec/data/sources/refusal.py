"""Why a source did not give a dataset's files; the next source is asked, and the last error names them all."""

from __future__ import annotations

from typing import Literal


class Refusal(Exception):
    """One source's reason.

    Args:
        source: a path or an address.
        reason: what is wrong with it.
        kind: ``absent`` (not there), ``content`` (there, but not what it should be) or ``network``.
    """

    def __init__(self, source: str, reason: str, kind: Literal["absent", "content", "network"]) -> None:
        super().__init__(source, reason, kind)
        self.source, self.reason, self.kind = source, reason, kind

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"
