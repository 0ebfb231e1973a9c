"""Metrics on lists short enough to work out by hand."""

import numpy as np
import pytest
import scipy.sparse as sp

from components.metrics import ranking as metrics
from components.metrics.intervals import bootstrap_mean, coverage_interval

RANKED = np.array([[0, 1, 2], [2, 1, 0], [1, -1, -1]])
RELEVANT = sp.csr_matrix(np.array([[1, 0, 1], [0, 0, 0], [1, 0, 0]]))
N = RELEVANT.getnnz(axis=1)
HITS = metrics.hits(RANKED, RELEVANT)


def test_hits_mark_relevant_places_and_never_an_empty_one():
    assert HITS.tolist() == [[True, False, True], [False] * 3, [False] * 3]


def test_ndcg_of_a_hand_worked_list():
    expected = (1 + 1 / np.log2(4)) / (1 + 1 / np.log2(3))
    values = metrics.ndcg(HITS, N, k=3)
    assert values[0] == pytest.approx(expected)
    assert np.isnan(values[1]), "a user with nothing relevant does not count"
    assert values[2] == 0


def test_a_perfect_list_scores_one_even_when_more_is_relevant_than_the_cutoff_holds():
    hits = np.ones((1, 2), dtype=bool)
    assert metrics.ndcg(hits, np.array([5]), k=2)[0] == pytest.approx(1)


def test_recall_mrr_and_hit_rate():
    assert metrics.recall(HITS, N, k=2)[0] == 0.5
    late = np.array([[False, True, True]])
    assert metrics.mrr(late, np.array([2]), k=3)[0] == 0.5
    assert metrics.hit_rate(late, np.array([2]), k=1)[0] == 0
    assert metrics.hit_rate(late, np.array([2]), k=2)[0] == 1


def test_coverage_counts_distinct_shown_items():
    assert coverage_interval(RANKED, 6)[0] == 0.5
    assert coverage_interval(RANKED[:, :1], 6)[0] == 0.5


def test_coverage_is_sure_when_every_item_is_shown_to_many_and_unsure_when_to_one():
    assert coverage_interval(np.tile([[0, 1]], (9, 1)), 4) == (0.5, 0.5, 0.5)
    draw = np.random.default_rng(4)
    share, low, high = coverage_interval(draw.integers(0, 500, size=(60, 5)), 1000)
    assert low < share < high


def test_a_cutoff_beyond_the_list_is_refused():
    with pytest.raises(ValueError, match="k=4"):
        metrics.ndcg(HITS, N, k=4)


def test_bootstrap_interval_holds_the_mean_and_narrows_with_users():
    rng = np.random.default_rng(1)
    few, many = rng.normal(size=50), rng.normal(size=5000)
    mean, low, high = bootstrap_mean(few, np.random.default_rng(2))
    assert low < mean < high
    _, low_many, high_many = bootstrap_mean(many, np.random.default_rng(2))
    assert high_many - low_many < (high - low) / 5


def test_bootstrap_interval_covers_the_truth_about_as_often_as_it_says():
    draws = np.random.default_rng(3)
    covered = 0
    for _ in range(300):
        _, low, high = bootstrap_mean(draws.exponential(size=120), draws, n=300)
        covered += low <= 1 <= high
    assert 0.90 <= covered / 300 <= 0.98


def test_bootstrap_leaves_out_users_who_do_not_count():
    assert bootstrap_mean(np.array([1.0, np.nan, 1.0]), np.random.default_rng(0)) == (1, 1, 1)
    assert np.isnan(bootstrap_mean(np.array([np.nan]), np.random.default_rng(0))[0])
