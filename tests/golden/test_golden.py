"""Golden test: results must not change by a single bit.

``hashes.json`` holds the hashes of earlier results. Only after a change that is meant to affect results, regenerate
it: ``python tests/golden/runs.py --out tests/golden/hashes.json``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.golden.hashing import environment

HERE = Path(__file__).parent
STORED = json.loads((HERE / "hashes.json").read_text(encoding="utf-8"))
LIMIT = 1200  # seconds for all runs, which take 2 minutes on two busy cores

Hashes = dict[str, dict[str, str]]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(LIMIT + 60)]


@pytest.fixture(scope="module")
def hashes(tmp_path_factory: pytest.TempPathFactory) -> Hashes:
    """Hashes of this checkout's runs; skip if the bits may differ for reasons other than our code."""
    here = environment()
    others = [f"{name} {STORED['environment'][name]!r}, here {here[name]!r}" for name in here if STORED["environment"][name] != here[name]]  # fmt: skip
    if others:
        pytest.skip(f"the stored hashes are those of another environment: {'; '.join(others)}")
    out = tmp_path_factory.mktemp("golden") / "hashes.json"
    command = [sys.executable, str(HERE / "runs.py"), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text(encoding="utf-8"))["runs"]


@pytest.mark.parametrize("name", STORED["runs"])
def test_run_is_bit_equal_to_the_stored_one(name: str, hashes: Hashes) -> None:
    assert hashes[name] == STORED["runs"][name]


def test_every_run_has_stored_hashes(hashes: Hashes) -> None:
    assert hashes.keys() == STORED["runs"].keys()
