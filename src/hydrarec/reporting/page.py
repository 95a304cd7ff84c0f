from __future__ import annotations

from pathlib import Path

from hydrarec.reporting.contents import Contents


def render(contents: Contents, folder: Path) -> str:
    return ""
