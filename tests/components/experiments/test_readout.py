import numpy as np
import pytest

from components.core.errors import DataError
from components.experiments.readout import (
    BETTER,
    UNCLEAR,
    UNTRUSTED,
    WORSE,
    Estimate,
    Outcome,
    Totals,
    difference_of_ratios,
    totals,
    verdict,
)
from components.experiments.srm import sample_ratio

HALVES = {"control": 0.5, "treatment": 0.5}
FAIR = sample_ratio({"control": 100, "treatment": 100}, HALVES)


def estimate(low, high):
    return Estimate(1.0, 1.0, (low + high) / 2, low, high, 100, 100)


def test_outcomes_are_added_up_per_unit():
    found = totals([Outcome("a", "control", 3), Outcome("b", "treatment", 1), Outcome("a", "control", 1, 2)])
    assert found["control"].values.tolist() == [4]
    assert found["control"].weights.tolist() == [3]
    assert found["treatment"].values.tolist() == [1]


def test_a_unit_in_two_variants_is_refused():
    with pytest.raises(DataError, match="unit a saw control and treatment"):
        totals([Outcome("a", "control", 1), Outcome("a", "treatment", 1)])


def one_each(values):
    """Totals of units with one request each."""
    return Totals(np.array(values, dtype=float), np.ones(len(values)))


def test_equal_weights_give_welch_by_hand():
    """Means 2 and 5, squared errors 1/3 each, 4 degrees of freedom: 3 ± 2.776 · sqrt(2/3)."""
    found = difference_of_ratios(one_each([1, 2, 3]), one_each([4, 5, 6]))
    assert (found.control, found.treatment, found.difference) == (2, 5, 3)
    assert found.low == pytest.approx(3 - 2.7764 * (2 / 3) ** 0.5, abs=1e-3)
    assert found.high == pytest.approx(3 + 2.7764 * (2 / 3) ** 0.5, abs=1e-3)


def test_without_spread_the_interval_is_a_point():
    found = difference_of_ratios(one_each([1] * 5), one_each([2] * 5))
    assert (found.low, found.high) == (1, 1)


def test_one_unit_is_no_group():
    with pytest.raises(DataError, match="at least 2"):
        difference_of_ratios(one_each([1]), one_each([1, 2]))


@pytest.mark.parametrize(
    ("interval", "higher_is_better", "words"),
    [((0.1, 0.2), True, BETTER), ((-0.2, -0.1), True, WORSE), ((-0.1, 0.1), True, UNCLEAR), ((0.1, 0.2), False, WORSE)],
)
def test_verdicts_in_words(interval, higher_is_better, words):
    assert verdict(estimate(*interval), FAIR, higher_is_better) == words


def test_a_broken_split_outranks_any_difference():
    broken = sample_ratio({"control": 1000, "treatment": 500}, HALVES)
    assert verdict(estimate(5, 6), broken) == UNTRUSTED


def simulate(rng, n, lift=0.0):
    """Users with their own rate and their own, skewed number of baskets: correlated within, heavy-tailed."""
    rates = rng.gamma(2, 1, size=n) + lift
    baskets = 1 + rng.geometric(0.4, size=n)
    return Totals(rng.poisson(rates * baskets).astype(float), baskets.astype(float))


def test_equal_variants_differ_in_one_of_twenty_experiments():
    """2,000 A/A experiments at 5 %: 100 ± 4 · 9.7 false alarms, for the mean per user and for the ratio."""
    rng = np.random.default_rng(3)
    alarms = {"mean": 0, "ratio": 0}
    for _ in range(2000):
        a, b = simulate(rng, 150), simulate(rng, 120)
        alarms["mean"] += verdict(difference_of_ratios(one_each(a.values), one_each(b.values)), FAIR) != UNCLEAR
        alarms["ratio"] += verdict(difference_of_ratios(a, b), FAIR) != UNCLEAR
    assert all(61 <= count <= 139 for count in alarms.values()), alarms


def test_intervals_cover_a_planted_lift():
    """1,000 experiments with a true lift of 0.5 per basket: 95 % covered, within 4 standard errors (2.8 %)."""
    rng = np.random.default_rng(4)
    found = [difference_of_ratios(simulate(rng, 200), simulate(rng, 200, lift=0.5)) for _ in range(1000)]
    assert np.mean([f.low <= 0.5 <= f.high for f in found]) == pytest.approx(0.95, abs=0.028)
    assert np.mean([verdict(f, FAIR) == BETTER for f in found]) > 0.8
