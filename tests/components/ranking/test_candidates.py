"""Candidates: the quick way finds exactly what the plain definition does, ties and filters included."""

import numpy as np
import pytest

from components.core.dataset import Histories
from components.core.ranking import exclude, top_k
from components.ranking.candidates import propose
from components.retrieval.best_of_dense import best_of_dense
from components.retrieval.evidence import Dense

USERS, K = 9, 5


def histories(n_items):
    draw = np.random.default_rng(n_items)
    past = [draw.integers(n_items, size=length).tolist() for length in (0, 1, 3, 5, 8, 13, 21, 34, 2)]
    return Histories.of(past, [list(range(len(items))) for items in past], 100)


def scores_of(kind, n_items):
    draw = np.random.default_rng(7)
    scores = draw.normal(size=(USERS, n_items)).astype(np.float32)
    if kind == "ties":
        scores = np.round(scores)
    if kind == "nothing but ties":
        scores[:] = 1
    if kind == "hardly any evidence":
        scores = np.where(draw.random(scores.shape) < 0.01, 1, -(scores**2))
    return scores.astype(np.float32)


@pytest.mark.parametrize("only", [None, 3])
@pytest.mark.parametrize("n_items", [3, 60, 3000])
@pytest.mark.parametrize("kind", ["distinct", "ties", "nothing but ties", "hardly any evidence"])
def test_the_best_of_all_and_of_new_items_are_those_that_whole_lists_begin_with(kind, n_items, only):
    past, scores = histories(n_items), scores_of(kind, n_items)
    allowed = None if only is None else np.arange(n_items) % only == 0
    before = scores.copy()
    found = set(best_of_dense(scores, past, K, allowed).tolist())
    evident = np.where(scores > 0, scores, -np.inf)
    wanted = {
        row * n_items + item
        for new in (True, False)
        for row, best in enumerate(top_k(exclude(evident, past, seen=new, allowed=allowed), K).tolist())
        for item in best
        if item >= 0
    }
    assert found == wanted and (wanted or kind == "hardly any evidence" or n_items == 3)
    assert np.array_equal(scores, before)


def test_a_rank_is_one_more_than_how_many_of_the_users_candidates_score_higher():
    scores = np.array([[0.5, 2.0, 2.0, 0.5, 1.0], [0.25, 3.0, 1.0, 0.0, 7.0]], dtype=np.float32)
    other = np.array([[-1.0, -2.0, 0.0, -0.0, 5.0], [1.0, 1.0, 1.0, 1.0, 1.0]], dtype=np.float32)
    nobody = Histories.of([[], []], [[], []], 1)
    found = propose({"one": Dense(scores), "two": Dense(other)}, nobody, 5, 5)
    assert found.rows.tolist() == [0] * 5 + [1] * 5 and found.items.tolist() == [*range(5)] * 2
    assert found.ranks["one"].tolist() == [4, 1, 1, 4, 3, 4, 2, 3, 5, 1]
    assert found.ranks["two"].tolist() == [4, 5, 2, 2, 1, 1, 1, 1, 1, 1]
