"""Datasets that a package on the index contains: the way through a firewall that only lets the package index through.

The package is fetched with the running interpreter's pip and opened as the zip archive it is; nothing of it is
installed or imported.
"""

from __future__ import annotations

import os
import posixpath
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Literal

from hydrarec.core.files import sha256_of
from hydrarec.data.sources.base import Refusal

SECONDS = 120  # for all of pip's work
CONNECT = 4  # seconds; one attempt, so that without a network the answer comes soon
OPTIONS = (
    *("--disable-pip-version-check", "--no-input", "--no-deps", "--only-binary=:all:"),
    *("--retries=0", f"--timeout={CONNECT}", "--progress-bar=off"),
)


class Package:
    """Files inside a wheel.

    Args:
        requirement: the package and its version, as pip understands it: ``recbole==1.2.1``.
        files: their paths in the wheel.
        sha256: their digests, in the same order.
    """

    def __init__(self, *, requirement: str, files: list[str], sha256: list[str]) -> None:
        self.requirement = requirement
        self.digests = dict(zip(files, sha256, strict=True))

    def take(self, into: Path) -> None:
        """Fetch the wheel and write its files into the existing folder ``into``.

        Raises:
            Refusal: no pip, no index, no such file, or another content than expected.
        """
        with tempfile.TemporaryDirectory(dir=into) as scratch:
            wheel = self._fetch(Path(scratch))
            try:
                with zipfile.ZipFile(wheel) as archive:
                    for path in self.digests:
                        (into / posixpath.basename(path)).write_bytes(archive.read(path))
            except (zipfile.BadZipFile, KeyError) as error:
                raise self._refusal(f"is not the wheel it should be: {error}", "content") from error
        for path, expected in self.digests.items():
            actual = sha256_of(into / posixpath.basename(path))
            if actual != expected:
                raise self._refusal(f"wrong checksum of {path}: {actual}, expected {expected}", "content")

    def _fetch(self, folder: Path) -> Path:
        command = [sys.executable, "-m", "pip", "download", *OPTIONS, self.requirement, "-d", str(folder)]
        # A name that cannot be looked up otherwise costs glibc's resolver 10 s or more.
        environment = {"RES_OPTIONS": "timeout:1 attempts:2", **os.environ}
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS,
                env=environment,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise self._refusal(f"the package index took more than {SECONDS} s", "network") from error
        wheels = sorted(folder.glob("*.whl"))
        if done.returncode or not wheels:
            raise self._refusal(_last_error(done.stderr) or f"pip exited with code {done.returncode}", "network")
        return wheels[0]

    def _refusal(self, reason: str, kind: Literal["content", "network"]) -> Refusal:
        return Refusal(f"package {self.requirement}", reason, kind)


def _last_error(stderr: str) -> str:
    """The first line of pip's errors that explains anything, shortened."""
    if "from versions: none" in stderr:  # the only thing pip says about an index that does not answer
        return "the package index does not have it, or cannot be reached"
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    error = next((line for line in lines if line.startswith("ERROR")), lines[-1] if lines else "")
    return error.removeprefix("ERROR: ")[:160]
