"""A model is one class and one YAML file: a plain one, added to a copy of the package, passes the tests of all models."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("src", "conf", "tests", "scripts", "pyproject.toml")
TESTS = ("tests/models", "tests/config", "tests/sweeps/test_space.py")
CLASS = '''"""A plain dot product of PyTorch's own embeddings, at their own initial values."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from hydrarec.models.base import Recommender

Loss = Literal["plain", "halved"]


class Mine(Recommender):
    """``s_ui = ⟨p_u, q_i⟩``, or half of it."""

    def __init__(self, *, num_users: int, num_items: int, width: int, loss: Loss) -> None:
        super().__init__(num_users=num_users, num_items=num_items)
        self.factor = 1.0 if loss == "plain" else 0.5
        self.users, self.items = nn.Embedding(num_users, width), nn.Embedding(num_items, width)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return self.factor * (self.users(users) * self.items(items)).sum(-1)
'''
YAML = "_target_: hydrarec.models.mine.Mine\nwidth: 8\nloss: plain\n"


@pytest.mark.e2e
def test_a_class_and_a_yaml_file_are_enough(tmp_path: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path / name)
    (tmp_path / "src" / "hydrarec" / "models" / "mine.py").write_text(CLASS, encoding="utf-8")
    (tmp_path / "conf" / "model" / "mine.yaml").write_text(YAML, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path / "src"), str(tmp_path)])}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *TESTS, "-k", "mine"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None and int(passed.group(1)) > 30, done.stdout  # both tasks, each contract
