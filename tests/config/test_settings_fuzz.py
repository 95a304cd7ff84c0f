"""Hostile settings of every group: refused as the user's mistake, or truly acceptable; never a bug of ours.

``HYDRAREC_FUZZ_SEED=7 bash scripts/test.sh -m slow tests/config/test_settings_fuzz.py`` looks at others.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from tests.config import settings_fuzzer as fuzzer

SEED = int(os.environ.get("HYDRAREC_FUZZ_SEED", "0"))


@pytest.mark.parametrize("count", [200, pytest.param(2000, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_hostile_settings_are_refused_or_acceptable(count: int) -> None:
    # Composing takes most of the time: by default only every tenth command goes the whole way.
    outcomes = [fuzzer.run(fuzzer.case(SEED, n), whole=count > 200 or n % 10 == 0) for n in range(count)]
    wrong = [outcome for outcome in outcomes if outcome.nonsense]
    counts = Counter(outcome.refused or 0 for outcome in outcomes)
    print(dict(counts))
    assert not wrong, "\n".join(
        f"{' '.join(map(ascii, each.words))}\n    {each.refused}: {each.nonsense}" for each in wrong
    )
    assert counts[0] > count // 40, "most of the settings are accepted: the table was asked"
    assert counts[2] > count // 4
