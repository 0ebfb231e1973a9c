"""Logistic regression finds what made the outcomes."""

import numpy as np
import pytest

from components.core.logistic import chance, logistic


def drawn(n):
    draw = np.random.default_rng(3)
    design = np.column_stack((np.ones(n), draw.normal(size=(n, 2))))
    return design, draw.random(n) < chance(design @ [-1, 2, 0])


def test_newton_finds_the_weights_that_made_the_outcomes():
    assert logistic(*drawn(20_000), 1e-3) == pytest.approx([-1, 2, 0], abs=0.1)


def test_a_row_that_counts_twice_is_a_row_that_is_there_twice():
    design, outcome = drawn(2_000)
    counts = np.where(np.arange(2_000) < 500, 2, 1)
    twice = logistic(np.concatenate((design, design[:500])), np.concatenate((outcome, outcome[:500])), 1e-3)
    assert logistic(design, outcome, 1e-3, counts) == pytest.approx(twice, abs=1e-6)


def test_even_odds_are_a_chance_of_a_half():
    assert chance(np.array([0.0, np.log(3)])) == pytest.approx([0.5, 0.75])
