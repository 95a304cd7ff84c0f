"""What a reader needs of a dataset's folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Wanted:
    """File names, relative to the folder.

    Args:
        alternatives: sets of file names; any one of them suffices.
        files: every file that the reader may read, the optional ones included.
    """

    alternatives: Sequence[Sequence[str]]
    files: Sequence[str]

    def lacking(self, present: Callable[[str], bool]) -> list[str]:
        """The files missing for the first alternative; empty if any alternative is complete."""
        missing = [[name for name in names if not present(name)] for names in self.alternatives]
        return [] if [] in missing else list(missing[0])
