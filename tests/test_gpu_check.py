"""The script that checks a GPU is rehearsed on a CPU: each kind of part, and what it writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def rehearse(out: Path, *parts: str) -> dict[str, dict[str, object]]:
    command = [sys.executable, "scripts/gpu_check.py", "--device", "cpu", "--tiny", "--out", str(out), "--only", *parts]
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "scripts")])
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    results: dict[str, dict[str, object]] = json.loads((out / "results.json").read_text())
    return results


def test_agreement_and_set_up_are_rehearsed(tmp_path: Path) -> None:
    parts = ("negatives", "metrics", "set_up", "ials")
    results = rehearse(tmp_path, *parts)
    assert list(results) == list(parts)
    assert all("found" in result for result in results.values())
    table = (tmp_path / "table.md").read_text().splitlines()
    assert "| metrics | ranks equal | True |" in table
