import numpy as np
import pytest

from components.core.errors import DataError
from components.experiments.srm import ALPHA, sample_ratio

HALVES = {"control": 0.5, "treatment": 0.5}


def test_even_groups_match():
    found = sample_ratio({"control": 500, "treatment": 500}, HALVES)
    assert (found.p_value, found.mismatch) == (1.0, False)


def test_chi_square_by_hand():
    """(40 - 50)² / 50 + (60 - 50)² / 50 = 4, whose upper tail with one degree of freedom is 0.0455."""
    found = sample_ratio({"control": 40, "treatment": 60}, HALVES)
    assert found.p_value == pytest.approx(0.0455, abs=1e-4)
    assert not found.mismatch


def test_lost_units_are_noticed():
    assert sample_ratio({"control": 5000, "treatment": 4600}, HALVES).mismatch


def test_a_variant_that_nobody_got_counts_as_zero():
    assert sample_ratio({"control": 100}, HALVES).mismatch


def test_uneven_shares_are_expected_to_be_uneven():
    assert not sample_ratio({"control": 900, "treatment": 100}, {"control": 0.9, "treatment": 0.1}).mismatch


def test_one_variant_always_matches():
    assert not sample_ratio({"only": 10}, {"only": 1.0}).mismatch


@pytest.mark.parametrize("counts", [{}, {"control": 0}, {"control": 5, "other": 1}])
def test_nothing_and_strangers_are_refused(counts):
    with pytest.raises(DataError, match="experiment"):
        sample_ratio(counts, HALVES)


def test_false_alarms_are_as_rare_as_declared():
    """20,000 fair splits: 20 alarms expected at 0.001; more than 40 would have probability below 0.0001."""
    rng = np.random.default_rng(1)
    counts = rng.binomial(1000, 0.5, size=20_000)
    alarms = sum(sample_ratio({"control": c, "treatment": 1000 - c}, HALVES).mismatch for c in counts)
    assert alarms <= 2 * ALPHA * len(counts)
