"""Corrections for multiple testing, against statsmodels on random cases and against hand calculation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from hydrarec.analysis.multiple_testing import benjamini_hochberg, holm


@pytest.mark.parametrize("seed", range(20))
def test_corrections_are_those_of_statsmodels(seed: int) -> None:
    generator = np.random.default_rng(seed)
    p_values = list(np.round(generator.random(seed + 1) ** 3, 1 + seed % 3))  # with ties, zeros and ones
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-9)
    assert benjamini_hochberg(p_values) == pytest.approx(multipletests(p_values, method="fdr_bh")[1], abs=1e-9)


def test_corrections_by_hand() -> None:
    # Holm: 3 × .01, 2 × .02, 1 × .03, none below the one before. Benjamini-Hochberg: 3/1 × .01, 3/2 × .02, 3/3 × .03.
    assert holm([0.03, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert benjamini_hochberg([0.03, 0.01, 0.02]) == pytest.approx([0.03, 0.03, 0.03])


def test_what_was_not_tested_is_not_corrected_for() -> None:
    adjusted = holm([0.03, math.nan, 0.01])
    assert adjusted[::2] == pytest.approx([0.03, 0.02])
    assert math.isnan(adjusted[1])
    assert holm([]) == []
