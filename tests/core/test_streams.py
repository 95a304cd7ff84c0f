"""Closed and full standard streams: the work goes on, or ends as a fault of the environment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = """
import os, sys
from hydrarec.cli.entry_point import entry_point

def body():
    sys.stdout.write("printed\\n")
    sys.stderr.write("said\\n")
    with open("file", "w") as file:
        os.write(1, b"from C")
        file.write("content")
    return 5

entry_point(body)
"""


@pytest.mark.parametrize(
    ("redirection", "code", "errors"),
    [
        (">&-", 5, "said\n"),
        ("2>&-", 5, ""),
        ("<&-", 5, "said\n"),
        ("<&- >&- 2>&-", 5, ""),
        (">/dev/full", 6, "the disk is full"),
        ("2>/dev/full", 6, ""),
    ],
)
def test_command_with_streams_that_take_nothing(tmp_path: Path, redirection: str, code: int, errors: str) -> None:
    (tmp_path / "script.py").write_text(COMMAND)
    command = ["bash", "-c", f'"{sys.executable}" script.py {redirection}']
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ended.returncode == code
    assert errors in ended.stderr
    assert "Traceback" not in ended.stderr and "Exception" not in ended.stderr
    if code == 5:
        assert (tmp_path / "file").read_text() == "content"
