"""Calibration: what was foretold against what happened."""

import numpy as np
import pytest

from components.metrics.calibration import base_rate, expected_calibration_error, log_loss, reliability, skill


def test_a_probability_that_comes_true_as_often_as_it_says_has_no_error():
    curve = reliability(np.array([0.25] * 4 + [0.5] * 4), np.array([1, 0, 0, 0, 1, 1, 0, 0]), bins=2)
    assert (curve.foretold.tolist(), curve.happened.tolist()) == ([0.25, 0.5], [0.25, 0.5])
    assert expected_calibration_error(curve) == 0


def test_the_error_is_the_mean_distance_over_the_predictions():
    # Two bins: foretold 0.1 and nothing happened, foretold 0.9 and half of it happened.
    curve = reliability(np.array([0.9, 0.1, 0.9, 0.1]), np.array([True, False, False, False]), bins=2)
    assert expected_calibration_error(curve) == pytest.approx((0.1 + 0.4) / 2)


def test_equal_predictions_are_judged_together_whatever_their_order():
    for outcomes in ([1, 1, 0, 0], [0, 1, 0, 1]):
        curve = reliability(np.full(4, 0.5), np.array(outcomes), bins=2)
        assert (curve.happened.tolist(), curve.counts.tolist()) == ([0.5], [4])


def test_more_bins_than_predictions_leave_the_empty_ones_out():
    assert reliability(np.array([0.2, 0.4]), np.array([False, True]), bins=10).counts.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("probabilities", "outcomes"), [([0.1], [True, False]), ([], []), ([1.2], [True]), ([np.nan], [True])]
)
def test_what_is_no_probability_is_refused(probabilities, outcomes):
    with pytest.raises(ValueError, match="reliability"):
        reliability(np.array(probabilities), np.array(outcomes))


def test_a_weighted_prediction_counts_for_as_many_as_it_stands_for() -> None:
    curve = reliability(np.array([0.2, 0.2, 0.2]), np.array([1, 0, 0]), bins=1, weights=np.array([1.0, 2.0, 2.0]))
    assert curve.happened.tolist() == pytest.approx([0.2])
    assert curve.counts.tolist() == [5]
    assert expected_calibration_error(curve) == pytest.approx(0)


def test_skill_is_what_is_told_beyond_the_base_rate():
    happened = np.array([True, True, False, False])
    told = {"all": [1, 1, 0, 0], "the rate": [0.5] * 4, "half": [0.75, 0.75, 0.25, 0.25], "the contrary": [0, 0, 1, 1]}
    found = {name: skill(reliability(np.array(p, float), happened, bins=2)) for name, p in told.items()}
    assert found == pytest.approx({"all": 1, "the rate": 0, "half": 0.75, "the contrary": -3})
    assert skill(reliability(np.array([0.1, 0.2]), np.array([False, False]))) == 0
    assert base_rate(reliability(np.array([0.1, 0.2]), np.array([False, True]))) == 0.5


def test_the_log_loss_of_a_fair_coin_is_the_logarithm_of_two():
    assert log_loss(np.full(4, 0.5), np.array([True, False, True, True]), np.ones(4)) == pytest.approx(np.log(2))
