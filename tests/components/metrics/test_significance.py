import numpy as np
import pytest

from components.core import rng
from components.metrics.intervals import bootstrap_mean, bootstrap_means
from components.metrics.significance import holm, standard_errors, two_sided


def test_holm_multiplies_the_smallest_by_their_number_and_never_falls():
    assert holm(np.array([0.01, 0.04, 0.03])).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm(np.array([0.9, 0.8])).tolist() == [1, 1]


def test_a_difference_that_every_resample_shows_has_the_least_p_and_none_has_1():
    means = np.column_stack([np.full(999, 0.1), np.zeros(999), np.linspace(-1, 1, 999)])
    assert two_sided(means).tolist() == pytest.approx([0.002, 1, 1])


def test_equal_recommenders_are_called_different_as_rarely_as_promised():
    draw = rng.stream(1, "significance")
    differences = draw.normal(size=(200, 400))
    found = (two_sided(bootstrap_means(differences, draw, n=400)) < 0.05).mean()
    assert 0.02 < found < 0.09


def test_resampled_means_of_a_column_give_the_interval_of_bootstrap_mean():
    values = rng.stream(2, "values").random(500)
    means = bootstrap_means(values[:, None], rng.stream(3, "draw"))
    low, high = np.quantile(means[:, 0], [0.025, 0.975])
    assert (low, high) == pytest.approx(bootstrap_mean(values, rng.stream(3, "draw"))[1:])


def test_standard_errors_of_a_known_sample():
    assert standard_errors(np.array([1.0, 3.0])) == pytest.approx(2.0)
    assert standard_errors(np.zeros(5)) == 0


def test_where_all_differ_alike_nobody_knows_the_error():
    assert standard_errors(np.full(60, 1 - 1 / np.log2(3))) is None
    assert standard_errors(np.array([0.5])) is None
