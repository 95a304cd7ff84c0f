"""Datasets contained in a package on the index, for firewalls that allow only the package index.

The package is fetched with the running interpreter's pip and opened as a zip archive; it is neither installed nor
imported.
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
from hydrarec.core.kinds import Requirement
from hydrarec.data.sources.base import Refusal

SECONDS = 120  # timeout of the whole pip call
CONNECT = 4  # connection timeout in seconds; one attempt, so that it fails fast without a network
OPTIONS = (
    *("--disable-pip-version-check", "--no-input", "--no-deps", "--only-binary=:all:"),
    *("--retries=0", f"--timeout={CONNECT}", "--progress-bar=off"),
)


class Package:
    """Files inside a wheel.

    Args:
        requirement: package and version for pip: ``recbole==1.2.1``.
        files: paths in the wheel.
        sha256: digests of the files, in the same order.
    """

    def __init__(self, *, requirement: Requirement, files: list[str], sha256: list[str]) -> None:
        self.requirement = requirement
        self.digests = dict(zip(files, sha256, strict=True))

    def take(self, into: Path) -> None:
        """Fetch the wheel and write its files into the existing folder ``into``.

        Raises:
            Refusal: no pip, no index, no such file, or a wrong digest.
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
        command = [sys.executable, "-m", "pip", "download", *OPTIONS, "-d", str(folder), "--", self.requirement]
        # Otherwise glibc's resolver takes 10 s or more for a name it cannot resolve.
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
    """The first informative line of pip's errors, shortened."""
    if "from versions: none" in stderr:  # all that pip reports if the index does not answer
        return "the package index does not have it, or cannot be reached"
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    error = next((line for line in lines if line.startswith("ERROR")), lines[-1] if lines else "")
    return error.removeprefix("ERROR: ")[:160]
