"""Where the files of a published dataset come from: own copies first, then the cache, then the network."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from hydrarec.core.errors import DataError, EnvironmentFault, HydrarecError
from hydrarec.core.files import sha256_of
from hydrarec.data.sources.download import download, first_bytes
from hydrarec.data.sources.folders import cache_root, locked, scratch_folder, storage_fault, sweep, whole_folder
from hydrarec.data.sources.packaged import Package
from hydrarec.data.sources.refusal import Refusal
from hydrarec.data.sources.unpack import unpack
from hydrarec.data.sources.wanted import Wanted

log = logging.getLogger(__name__)


class Archive:
    """The official archive of a dataset, and the sources that may stand in for it.

    In this order: the folder ``$HYDRAREC_DATA_DIR/<name>/``, ``$HYDRAREC_DATA_DIR/<name>.zip``, the cache, the official
    address, the package index. Nothing is ever written to ``$HYDRAREC_DATA_DIR``.

    Args:
        url: the official address; None if it is served no more.
        size: bytes of the archive, if known.
        sha256, md5: its digests, hex; the first that is known decides.
        package: a package on the index that carries the ratings too.
    """

    def __init__(
        self, *, url: str | None, size: int | None, sha256: str | None, md5: str | None, package: Package | None
    ) -> None:
        self.url, self.size, self.sha256, self.md5, self.package = url, size, sha256, md5, package

    def folder(self, name: str, wanted: Wanted) -> Path:
        """A folder with the dataset's files, fetched if necessary.

        Raises:
            DataError: no source has them; every source with its reason.
            EnvironmentFault: the same, if the network is to blame; the disk is full or cannot be written.
        """
        refusals: list[Refusal] = []
        sweep(cache_root() / "datasets")
        for source in (self._own_folder, self._own_zip, self._cached):
            try:
                found = source(name, wanted)
            except Refusal as refusal:
                refusals.append(refusal)
            else:
                _report(name, refusals)
                return found
        final = _cached_folder(name)
        try:
            with locked(final.parent / ".locks" / name):
                return self._fetched(name, wanted, final, refusals)
        except OSError as error:
            raise storage_fault(error, final.parent) from error

    def _fetched(self, name: str, wanted: Wanted, final: Path, refusals: list[Refusal]) -> Path:
        """The cached folder, filled from the network unless another process just did."""
        if not wanted.lacking(lambda file: (final / file).is_file()):
            return final
        for source in (self._official, self._packaged):
            try:
                source(name, wanted, final)
            except Refusal as refusal:
                refusals.append(refusal)
            else:
                _report(name, refusals)
                return final
        raise self._unobtainable(name, refusals)

    def _own_folder(self, name: str, wanted: Wanted) -> Path:
        own = _own(name)
        if not own.is_dir():
            raise Refusal(str(own), "is not a folder" if own.exists() else "does not exist", "absent")
        lacking = wanted.lacking(lambda file: (own / file).is_file())
        if not lacking:
            return own
        for inner in sorted(path for path in own.iterdir() if path.is_dir()):  # an archive unpacked with its own folder
            if not wanted.lacking(lambda file, inner=inner: (inner / file).is_file()):  # type: ignore[misc]
                return inner
        raise Refusal(str(own), f"lacks {', '.join(lacking)}", "content")

    def _own_zip(self, name: str, wanted: Wanted) -> Path:
        own = _own(name)
        file = own.with_name(f"{name}.zip")
        if not file.is_file():
            raise Refusal(str(file), "does not exist", "absent")
        status = file.stat()
        stamp = f"{file}:{status.st_size}:{status.st_mtime_ns}:{self.sha256 or self.md5}"
        final = _cached_folder(f"{name}@{hashlib.sha256(stamp.encode()).hexdigest()[:12]}")
        if not wanted.lacking(lambda member: (final / member).is_file()):
            return final
        try:
            with locked(final.parent / ".locks" / name):
                if wanted.lacking(lambda member: (final / member).is_file()):
                    self.verify(file)
                    with whole_folder(final) as temporary:
                        unpack(file, temporary, wanted)
        except OSError as error:
            raise storage_fault(error, final.parent) from error
        return final

    def _cached(self, name: str, wanted: Wanted) -> Path:
        folder = _cached_folder(name)
        lacking = wanted.lacking(lambda file: (folder / file).is_file())
        if lacking:
            raise Refusal(str(folder), f"lacks {', '.join(lacking)}" if folder.exists() else "is empty", "absent")
        return folder

    def _official(self, name: str, wanted: Wanted, final: Path) -> None:
        if self.url is None:
            raise Refusal("the official address", "serves it no more", "absent")
        _require_online(self.url)
        with scratch_folder(final.parent) as scratch:
            file = scratch / f"{name}.zip"
            download(self.url, file, self.size)
            self.verify(file, source=self.url)
            with whole_folder(final) as temporary:
                unpack(file, temporary, wanted)

    def _packaged(self, name: str, wanted: Wanted, final: Path) -> None:
        if self.package is None:
            raise Refusal("the package index", "does not carry it", "absent")
        _require_online(f"package {self.package.requirement}")
        with scratch_folder(final.parent) as scratch, whole_folder(final) as temporary:
            self.package.take(scratch, temporary)

    def verify(self, file: Path, source: str | None = None) -> None:
        """Raise unless ``file`` has the size and digest of the official archive.

        Raises:
            Refusal: another size or digest; expected and actual.
        """
        source, size = source or str(file), file.stat().st_size
        if self.sha256 is not None:
            kind, expected, actual = "SHA-256", self.sha256, sha256_of(file)
        elif self.md5 is not None:
            with file.open("rb") as stream:
                kind, expected, actual = "MD5", self.md5, hashlib.file_digest(stream, "md5").hexdigest()
        else:
            return
        if actual != expected:
            begins = first_bytes(file)
            sizes = "" if self.size in (None, size) else f", {size:,} bytes instead of {self.size:,}"
            reason = f"wrong checksum: {kind} {actual}, expected {expected}{sizes}{begins}"
            raise Refusal(source, reason, "content")

    def _unobtainable(self, name: str, refusals: Sequence[Refusal]) -> HydrarecError:
        kinds = {refusal.kind for refusal in refusals}
        kind = EnvironmentFault if "network" in kinds and "content" not in kinds else DataError
        place = os.environ.get("HYDRAREC_DATA_DIR")
        own = _own(name) if place else cache_root() / "datasets" / name
        also = f" or {own}.zip" if place else ""
        return kind(
            f"{name} cannot be obtained: " + "; ".join(dict.fromkeys(map(str, refusals))),
            expected=f"its files in {own}{also}",
            fix="put a copy there" + (f" (from {self.url})" if self.url else "") + ", or try again with a network",
            file=None,
        )


def _own(name: str) -> Path:
    place = os.environ.get("HYDRAREC_DATA_DIR")
    if not place:
        raise Refusal("$HYDRAREC_DATA_DIR", "is not set", "absent")
    return Path(place).expanduser().absolute() / name


def _cached_folder(name: str) -> Path:
    return cache_root() / "datasets" / name


def _require_online(source: str) -> None:
    if os.environ.get("HYDRAREC_OFFLINE", "").lower() not in ("", "0", "false", "no"):
        raise Refusal(source, "not asked, since HYDRAREC_OFFLINE is set", "network")


def _report(name: str, refusals: Sequence[Refusal]) -> None:
    """Say which sources were there and yet of no use."""
    for refusal in refusals:
        if refusal.kind != "absent":
            log.warning("%s: passed over %s", name, refusal)
