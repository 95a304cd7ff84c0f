"""The file that a command was asked to write: made whole, and what stands in its way told in the contract's words."""

from __future__ import annotations

import contextlib
import glob
from collections.abc import Iterator
from pathlib import Path

from hydrarec.core.errors import EnvironmentFault
from hydrarec.core.files import TEMPORARY_SUFFIX


@contextlib.contextmanager
def writing(path: Path, setting: str) -> Iterator[None]:
    """Make the folder of ``path``, which ``setting`` named, and sweep what a killed run left of it.

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
