"""A score becomes the share of its like that was bought, and never changes an order."""

from __future__ import annotations

import numpy as np
import pytest

from components.ranking.calibration import KNOTS, Calibration


def test_a_probability_is_the_share_that_was_bought_at_that_score() -> None:
    scores = np.repeat([0.0, 1.0, 2.0], 100)
    bought = np.concatenate([np.arange(100) < share for share in (10, 30, 80)])
    found = Calibration.fit(scores, bought, np.ones(300)).probability(np.array([-5.0, 0.0, 0.5, 2.0, 9.0]))
    assert found == pytest.approx([0.1, 0.1, 0.2, 0.8, 0.8])


def test_a_drawn_pair_counts_for_those_it_stands_for() -> None:
    scores, bought = np.zeros(4), np.array([1, 0, 0, 0])
    assert Calibration.fit(scores, bought, np.array([1, 33, 33, 33])).probability(0.0) == pytest.approx(0.01)


def test_what_goes_up_in_score_never_goes_down_in_probability_even_in_few_knots() -> None:
    draw = np.random.default_rng(0)
    scores = draw.normal(size=5000)
    curve = Calibration.fit(scores, draw.random(5000) < 1 / (1 + np.exp(-scores)), np.ones(5000))
    assert len(curve.scores) <= KNOTS
    found = curve.probability(np.sort(scores))
    assert (np.diff(found) >= 0).all() and found.min() >= 0 and found.max() <= 1
    again = Calibration.unpack(curve.pack())
    assert np.array_equal(again.probability(scores), curve.probability(scores))


def test_nothing_bought_gives_no_curve() -> None:
    assert Calibration.fit(np.zeros(3), np.zeros(3), np.ones(3)) is None
    assert Calibration.unpack(None) is None
