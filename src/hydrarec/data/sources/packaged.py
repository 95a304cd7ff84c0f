"""Datasets that a package on the index carries: the way through a firewall that lets only the package index through.

The package is fetched with the running interpreter's pip and opened as the zip archive it is; nothing of it is
installed or imported.
"""

from __future__ import annotations

import os
import posixpath
import subprocess
import sys
import zipfile
from pathlib import Path

from hydrarec.core.files import sha256_of
from hydrarec.data.sources.refusal import Refusal

SECONDS = 120  # for all of pip's work
CONNECT = 4  # seconds; one attempt, so that without a network the answer is there soon


class Package:
    """Files inside a wheel.

    Args:
        requirement: what to ask the index for, with its version: ``recbole==1.2.1``.
        files: their paths in the wheel.
        sha256: their digests, in the same order.
    """

    def __init__(self, *, requirement: str, files: list[str], sha256: list[str]) -> None:
        self.requirement = requirement
        self.digests = dict(zip(files, sha256, strict=True))

    def take(self, scratch: Path, into: Path) -> None:
        """Fetch the wheel into ``scratch`` and its files into ``into``, both existing folders.

        Raises:
            Refusal: no pip, no index, no such file, or another content than expected.
        """
        wheel = self._fetch(scratch)
        source = f"package {self.requirement}"
        try:
            with zipfile.ZipFile(wheel) as archive:
                for path in self.digests:
                    (into / posixpath.basename(path)).write_bytes(archive.read(path))
        except (zipfile.BadZipFile, KeyError) as error:
            raise Refusal(source, f"is not the wheel it should be: {error}", "content") from error
        for path, expected in self.digests.items():
            actual = sha256_of(into / posixpath.basename(path))
            if actual != expected:
                raise Refusal(source, f"wrong checksum of {path}: {actual}, expected {expected}", "content")

    def _fetch(self, scratch: Path) -> Path:
        source = f"package {self.requirement}"
        options = ["--no-deps", "--only-binary=:all:", "--retries=0", f"--timeout={CONNECT}", "--progress-bar=off"]
        command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input", *options]
        # A name that cannot be looked up otherwise costs glibc's resolver 10 s or more.
        environment = {"RES_OPTIONS": "timeout:1 attempts:2", **os.environ}
        try:
            done = subprocess.run(
                [*command, self.requirement, "-d", str(scratch)],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS,
                env=environment,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Refusal(source, f"the package index took more than {SECONDS} s", "network") from error
        wheels = sorted(scratch.glob("*.whl"))
        if done.returncode or not wheels:
            raise Refusal(source, _last_error(done.stderr) or f"pip ended with {done.returncode}", "network")
        return wheels[0]


def _last_error(stderr: str) -> str:
    """The first of pip's lines that says what is wrong, shortened."""
    if "from versions: none" in stderr:  # all that pip says of an index that does not answer
        return "the package index does not have it, or cannot be reached"
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = next((line for line in lines if line.startswith("ERROR")), lines[-1] if lines else "")
    return telling.removeprefix("ERROR: ")[:160]
