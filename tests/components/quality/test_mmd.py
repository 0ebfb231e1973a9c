"""The discrepancy of clouds whose answer is known."""

import numpy as np
import pytest

from components.quality.drift import DriftThresholds, comparable, drift
from components.quality.mmd import MOST_POINTS, mmd, title_vectors


def cloud(seed, centre=0.0, n=200):
    return np.random.default_rng(seed).normal(centre, 1, (n, 4))


def test_four_points_give_the_number_of_the_formula():
    """Pooled squared distances 1, 1, 4, 4, 9, 9 of 0, 1 against 3, 2... their median decides the width."""
    x, y = np.array([[0.0], [1.0]]), np.array([[2.0], [3.0]])
    width = np.median([1, 4, 9, 1, 4, 1])
    k = lambda d: np.exp(-(d**2) / width)  # noqa: E731
    found, _ = mmd(x, y, np.random.default_rng(0))
    assert found == pytest.approx(k(1) + k(1) - (k(2) + k(3) + k(1) + k(2)) / 2)


def test_clouds_of_one_distribution_are_rarely_told_apart():
    """At level 5 %, about one in twenty; 6 or more of 40 have probability 1.4 %."""
    rng = np.random.default_rng(3)
    p_values = [mmd(cloud(2 * s, n=60), cloud(2 * s + 1, n=60), rng)[1] for s in range(40)]
    assert sum(p <= 0.05 for p in p_values) < 6


def test_a_shifted_cloud_is_told_apart_and_more_so_the_further_it_is():
    rng = np.random.default_rng(1)
    near, far = (mmd(cloud(1), cloud(2, centre), rng) for centre in (0.5, 2.0))
    assert 0 < near[0] < far[0] <= 2
    assert far[1] == pytest.approx(1 / 201)


def test_the_same_stream_gives_the_same_answer_also_on_many_points():
    big = cloud(1, n=3 * MOST_POINTS)
    first, second = (mmd(big, cloud(2), np.random.default_rng(7)) for _ in range(2))
    assert first == second


def test_clouds_that_cannot_be_compared_are_refused():
    for x, y in ((np.zeros((1, 2)), np.zeros((5, 2))), (np.zeros((5, 2)), np.zeros((5, 3)))):
        with pytest.raises(ValueError, match="mmd: clouds of"):
            mmd(x, y, np.random.default_rng(0))


def test_equal_points_do_not_differ():
    assert mmd(np.ones((5, 2)), np.ones((6, 2)), np.random.default_rng(0))[0] == pytest.approx(0)


def test_titles_are_alike_by_their_words_whatever_the_order_or_case():
    tea, same, milk, none = title_vectors(["Green Tea, 6 OZ", "green tea 6 oz", "milk", ""])
    assert np.allclose(tea, same)
    assert (float(tea @ milk), float(np.linalg.norm(tea)), float(none.sum())) == (0.0, pytest.approx(1.0), 0.0)
    assert np.allclose(title_vectors(["绿茶"]), title_vectors(["《绿茶》"]))


def test_vectors_drift_beside_numbers():
    before = {"titles": title_vectors(["green tea", "oat milk"] * 150), "price": np.arange(300.0)}
    after = {"titles": title_vectors(["garden hose", "oat milk"] * 150), "price": np.arange(300.0)}
    first, second = drift(before, after, rng=np.random.default_rng(0))
    assert (first.column, first.kind, first.psi, first.verdict) == ("titles", "embedding", None, "drifted")
    assert (second.column, second.verdict) == ("price", "stable")


def test_columns_that_are_new_or_too_short_are_not_compared():
    before = {"a": np.arange(300.0), "b": np.arange(300.0), "c": np.full(300, np.nan)}
    after = {"a": np.arange(300.0), "c": np.arange(300.0), "d": np.arange(300.0)}
    assert comparable(before, after, DriftThresholds()) == ["a"]
