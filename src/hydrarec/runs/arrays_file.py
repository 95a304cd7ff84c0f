"""Writes arrays to an ``npz`` file, and says how far it is: compressing the ratings of a large run takes a minute."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from typing import IO

import numpy as np
from numpy.typing import NDArray

from hydrarec.core import console


def write_arrays(file: IO[bytes], name: str, arrays: Mapping[str, NDArray]) -> None:
    """Write arrays as :func:`numpy.savez_compressed` does, without pickles; ``name`` is shown in the progress."""
    total = sum(array.nbytes for array in arrays.values())
    with (
        console.progress(f"writing {name}", total=total, unit="bytes") as advance,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive,
    ):
        for key, array in arrays.items():
            with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(_Counted(member, advance), np.asanyarray(array), allow_pickle=False)


class _Counted:
    """A file that reports the number of bytes of each write."""

    def __init__(self, file: IO[bytes], advance: Callable[[float], None]) -> None:
        self._file, self._advance = file, advance

    def write(self, data: bytes) -> int:
        written = self._file.write(data)
        self._advance(len(data))
        return written
