"""Drift: known answers on literal counts, quiet on equal windows, loud on shifted ones."""

import numpy as np
import pytest

from components.core.errors import DataError
from components.quality.drift import DriftThresholds, bin_counts, drift, psi


def test_the_index_of_two_bins_is_what_the_formula_says():
    assert psi([50, 50], [80, 20]) == pytest.approx(0.3 * np.log(1.6) + 0.3 * np.log(2.5))


def test_the_index_of_equal_shares_is_zero_whatever_the_sizes():
    assert psi([10, 30], [1000, 3000]) == pytest.approx(0)


def test_the_index_stays_finite_when_a_bin_is_empty():
    assert np.isfinite(psi([100, 0], [0, 100]))


def test_equal_deciles_become_one_bin():
    reference, _ = bin_counts(np.array([0.0] * 95 + [1, 2, 3, 4, 5]), np.array([0.0]))
    assert reference.tolist() == [95, 5]


def test_windows_of_one_distribution_are_stable():
    rng = np.random.default_rng(1)
    windows = [{"value": rng.lognormal(size=5000), "brand": rng.choice(["a", "b"], 5000)} for _ in range(2)]
    assert {d.verdict for d in drift(*windows)} == {"stable"}


def test_a_shifted_number_and_a_swapped_category_drift_and_come_first():
    rng = np.random.default_rng(2)
    before = {"value": rng.normal(size=4000), "brand": np.repeat(["a", "b"], [3600, 400]), "same": rng.random(4000)}
    after = {"value": rng.normal(size=4000) + 1, "brand": np.repeat(["a", "b"], [400, 3600]), "same": rng.random(4000)}
    found = {d.column: d for d in drift(before, after)}
    assert [found[c].verdict for c in ("value", "brand", "same")] == ["drifted", "drifted", "stable"]
    assert list(found)[-1] == "same"
    assert found["brand"].gap == pytest.approx(0.8)
    assert (found["brand"].reference, found["brand"].current) == ("a (90.0%)", "b (90.0%)")


def test_a_category_that_is_new_counts_in_full():
    (found,) = drift({"item": np.array(["a"] * 200)}, {"item": np.array(["z"] * 200)})
    assert (found.gap, found.verdict) == (1.0, "drifted")


def test_one_value_only_is_stable():
    (found,) = drift({"flag": np.array([True] * 200)}, {"flag": np.array([True] * 300)})
    assert (found.psi, found.gap, found.p_value, found.verdict) == (0.0, 0.0, 1.0, "stable")


def test_missing_values_are_left_out():
    values = np.concatenate([np.linspace(0, 1, 500), np.full(500, np.nan)])
    (found,) = drift({"value": values}, {"value": np.linspace(0, 1, 500)})
    assert found.verdict == "stable"


def test_too_few_values_are_an_error_not_a_verdict():
    with pytest.raises(DataError, match="3 values in a window, at least 100"):
        drift({"value": np.arange(500.0)}, {"value": np.arange(3.0)})


def test_windows_with_other_columns_are_refused():
    with pytest.raises(DataError, match="hour, value: only in one"):
        drift({"value": np.arange(500.0)}, {"hour": np.arange(500.0)})


def test_thresholds_decide():
    before, after = {"v": np.repeat([0, 1], [500, 500])}, {"v": np.repeat([0, 1], [420, 580])}
    assert drift(before, after)[0].verdict == "stable"
    assert drift(before, after, DriftThresholds(gap_drifted=0.05))[0].verdict == "drifted"
