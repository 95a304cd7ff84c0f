"""The output file of a command: its folder is made, leftovers are removed, and failures are reported."""

from __future__ import annotations

import contextlib
import glob
from collections.abc import Iterator
from pathlib import Path

from hydrarec.core.errors import EnvironmentFault
from hydrarec.core.files import TEMPORARY_SUFFIX


@contextlib.contextmanager
def replacing(path: Path, setting: str) -> Iterator[None]:
    """Prepare to replace ``path``, the value of ``setting``: make its folder, remove what a killed run left.

    Raises:
        EnvironmentFault: folder or file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for leftover in path.parent.glob(f".{glob.escape(path.name)}.*{TEMPORARY_SUFFIX}"):
            leftover.unlink()
        yield
    except OSError as error:
        raise EnvironmentFault(
            f"{path} cannot be written: {error.strerror or error}",
            expected="a file in a folder that may be written, with room for it",
            fix=f"{setting}=<another file>",
            file=path,
        ) from error
