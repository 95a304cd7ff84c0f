"""Finds the files of a published dataset: manual copies first, then the cache, then the network."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pooch

from hydrarec.core.errors import DataError, EnvironmentFault, HydrarecError
from hydrarec.data.sources.base import Refusal, RequiredFiles, html_start
from hydrarec.data.sources.download import download
from hydrarec.data.sources.folders import cache_root, locked, storage_fault, sweep, whole_folder
from hydrarec.data.sources.packaged import Package
from hydrarec.data.sources.unpack import unpack

log = logging.getLogger(__name__)

Source = Callable[[str, RequiredFiles], Path]  # returns the folder of the dataset's files, or raises a Refusal


class Archive:
    """The official archive of a dataset, and the alternative sources of its files.

    They are tried in this order: the folder ``$HYDRAREC_DATA_DIR/<name>/``, ``$HYDRAREC_DATA_DIR/<name>.zip``, the
    cache, the official URL, the package index. Nothing is ever written to ``$HYDRAREC_DATA_DIR``.

    Args:
        url: official URL; None if the archive is no longer available there.
        size: size of the archive in bytes, if known.
        sha256, md5: digests of the archive, hex; the first known one is checked.
        package: a package on the index that also contains the ratings.
    """

    def __init__(
        self, *, url: str | None, size: int | None, sha256: str | None, md5: str | None, package: Package | None
    ) -> None:
        self.url, self.size, self.package = url, size, package
        self.digest = ("SHA-256", sha256) if sha256 else ("MD5", md5) if md5 else None

    def folder(self, name: str, required: RequiredFiles) -> Path:
        """Return a folder with the dataset's files; fetch them if necessary.

        Raises:
            DataError: no source has the files; lists every source with the reason.
            EnvironmentFault: the same if the network is the cause; or the disk is full or not writable.
        """
        refusals: list[Refusal] = []

        def first_of(*sources: Source) -> Path | None:
            for source in sources:
                try:
                    return source(name, required)
                except Refusal as refusal:
                    refusals.append(refusal)
            return None

        final = _cached_folder(name)
        sweep(final.parent)
        folder = first_of(_own_folder, self._own_zip, _cached)
        if folder is None:
            try:
                with locked(final):  # meanwhile another process may have filled the cache
                    folder = first_of(_cached, self._official, self._packaged)
            except OSError as error:
                raise storage_fault(error, final.parent) from error
        if folder is None:
            raise self._unobtainable(name, refusals)
        for refusal in refusals:
            if refusal.kind != "absent":
                log.warning("%s: passed over %s", name, refusal)
        return folder

    def _own_zip(self, name: str, required: RequiredFiles) -> Path:
        own = _own(name)
        file = own.with_name(f"{name}.zip")
        if not file.is_file():
            raise Refusal(str(file), "does not exist", "absent")
        status = file.stat()
        stamp = f"{file}:{status.st_size}:{status.st_mtime_ns}:{self.digest and self.digest[1]}"
        final = _cached_folder(f"{name}@{hashlib.sha256(stamp.encode()).hexdigest()[:12]}")
        if not required.missing_in(final):
            return final
        try:
            with locked(final):
                if required.missing_in(final):
                    self.verify(file)
                    with whole_folder(final) as temporary:
                        unpack(file, temporary, required)
        except OSError as error:
            raise storage_fault(error, final.parent) from error
        return final

    def _official(self, name: str, required: RequiredFiles) -> Path:
        if self.url is None:
            raise Refusal("the official URL", "the dataset is no longer available there", "absent")
        _require_online(self.url)
        with whole_folder(_cached_folder(name)) as temporary:
            file = temporary / f"{name}.zip"
            download(self.url, file, self.size)
            self.verify(file, source=self.url)
            unpack(file, temporary, required)
            file.unlink()
        return _cached_folder(name)

    def _packaged(self, name: str, required: RequiredFiles) -> Path:
        if self.package is None:
            raise Refusal("the package index", "does not carry it", "absent")
        _require_online(f"package {self.package.requirement}")
        with whole_folder(_cached_folder(name)) as temporary:
            self.package.take(temporary)
        return _cached_folder(name)

    def verify(self, file: Path, source: str | None = None) -> None:
        """Raise unless ``file`` has the digest of the official archive.

        Raises:
            Refusal: the digest differs; names both digests and sizes.
        """
        if self.digest is None:
            return
        (kind, expected), size = self.digest, file.stat().st_size
        actual = pooch.file_hash(str(file), alg=kind.replace("-", "").lower())
        if actual != expected:
            sizes = "" if self.size in (None, size) else f", {size:,} bytes instead of {self.size:,}"
            reason = f"wrong checksum: {kind} {actual}, expected {expected}{sizes}{html_start(file)}"
            raise Refusal(source or str(file), reason, "content")

    def _unobtainable(self, name: str, refusals: Sequence[Refusal]) -> HydrarecError:
        kinds = {refusal.kind for refusal in refusals}
        kind = EnvironmentFault if "network" in kinds and "content" not in kinds else DataError
        place = os.environ.get("HYDRAREC_DATA_DIR")
        own = _own(name) if place else _cached_folder(name)
        return kind(
            f"{name} cannot be obtained: " + "; ".join(dict.fromkeys(map(str, refusals))),
            expected=f"its files in {own}" + (f" or {own}.zip" if place else ""),
            fix="put a copy there" + (f" (from {self.url})" if self.url else "") + ", or try again with a network",
        )


def _own_folder(name: str, required: RequiredFiles) -> Path:
    own = _own(name)
    if not own.is_dir():
        raise Refusal(str(own), "is not a folder" if own.exists() else "does not exist", "absent")
    inner = sorted(path for path in own.iterdir() if path.is_dir())  # if the archive was unpacked with its own folder
    for folder in (own, *inner):
        if not required.missing_in(folder):
            return folder
    raise Refusal(str(own), f"lacks {', '.join(required.missing_in(own))}", "content")


def _cached(name: str, required: RequiredFiles) -> Path:
    folder = _cached_folder(name)
    if missing := required.missing_in(folder):
        raise Refusal(str(folder), f"lacks {', '.join(missing)}" if folder.exists() else "is empty", "absent")
    return folder


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
