"""Unpacks the required files of a zip archive, after checking all of it before anything is written."""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from hydrarec.data.sources.base import Refusal, RequiredFiles, html_start
from hydrarec.data.sources.folders import require_space

MOST_BYTES = 8 << 30  # unpacked; the largest MovieLens archive unpacks to 1.2 GB
MOST_RATIO = 50  # unpacked / packed; rating files reach 5
SMALL = 16 << 20  # unpacked bytes below which no ratio indicates a bomb
MOST_MEMBERS = 10_000
DEEPEST = 3  # repository/folder/file


def unpack(file: Path, into: Path, required: RequiredFiles) -> None:
    """Extract the required files of an archive into the existing folder ``into``, without their parent folders.

    Raises:
        Refusal: not a zip archive, damaged, unsafe (links, paths outside the folder, a zip bomb), or files are missing.
        EnvironmentFault: there is not enough disk space.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _require_safe(file, members)
            chosen = {name: member for name in required.files if (member := _highest(members, name)) is not None}
            if missing := required.missing(chosen):
                raise Refusal(str(file), f"lacks {', '.join(missing)}", "content")
            require_space(into, sum(member.file_size for member in chosen.values()))
            for name, member in chosen.items():
                with archive.open(member) as source, (into / name).open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise Refusal(str(file), f"not a whole zip archive: {error}{html_start(file)}", "content") from error


def _require_safe(file: Path, members: list[zipfile.ZipInfo]) -> None:
    for member in members:
        if reason := _unsafe(member):
            raise Refusal(str(file), f"refused whole: '{member.filename[:80]}' {reason}", "content")
    total = sum(member.file_size for member in members)
    packed = max(1, file.stat().st_size)
    if len(members) > MOST_MEMBERS or total > MOST_BYTES or (total > SMALL and total > MOST_RATIO * packed):
        reason = f"refused whole: {len(members):,} files of {total / 1e6:,.0f} MB in {packed / 1e6:,.1f} MB, a zip bomb"
        raise Refusal(str(file), reason, "content")


def _unsafe(member: zipfile.ZipInfo) -> str | None:
    """The reason why a member is unsafe to unpack, or None."""
    name = member.orig_filename.replace("\\", "/")
    if name.startswith("/") or ":" in name.split("/")[0]:
        return "is an absolute path"
    if ".." in name.split("/"):
        return "leaves the folder"
    if "\0" in name:
        return "has a NUL byte in its name"
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device"
    return "is encrypted" if member.flag_bits & 0x1 else None


def _highest(members: list[zipfile.ZipInfo], name: str) -> zipfile.ZipInfo | None:
    """The member called ``name`` closest to the top, at most :data:`DEEPEST` levels down."""
    same = [m for m in members if PurePosixPath(m.filename).name == name and m.filename.count("/") < DEEPEST]
    return min(same, key=lambda member: member.filename.count("/"), default=None)
