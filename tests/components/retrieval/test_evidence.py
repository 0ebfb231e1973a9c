"""Every form finds the same best items and scores as a look at all scores; lists find most of them."""

import numpy as np
import pytest
import scipy.sparse as sp

from components.core.dataset import Histories
from components.core.ranking import exclude, top_k
from components.retrieval.evidence import Common, Dense, Listed, ListedVectors, Sparse, walk
from components.retrieval.vectors import InvertedLists

N, ITEMS = 7, 300
ALLOWED = np.arange(ITEMS) % 3 > 0


@pytest.fixture(scope="module")
def histories():
    draw = np.random.default_rng(3)
    items = [draw.choice(ITEMS, size, replace=False) for size in (0, 1, 5, 20, 3, 40, 9)]
    return Histories.of(items, [np.arange(len(own)) for own in items], 100)


def scores(kind):
    """Few distinct values, so that there are ties at every border."""
    drawn = np.random.default_rng(4).integers(-2, 6, (N, ITEMS)).astype(np.float32)
    return np.where(np.random.default_rng(5).random((N, ITEMS)) < 0.3, drawn, 0) if kind == "sparse" else drawn


def reference(dense, k, histories, only_new, allowed):
    evident = np.where(dense > 0, dense, -np.inf)
    return top_k(exclude(evident, histories, seen=only_new, allowed=allowed), k)


def as_lists(pairs, k):
    out = np.full((N, k), -1)
    for row in range(N):
        own = pairs[1][pairs[0] == row]
        out[row, : len(own)] = own
    return out


@pytest.mark.parametrize("allowed", [None, ALLOWED], ids=["all", "allowed"])
@pytest.mark.parametrize("only_new", [False, True])
@pytest.mark.parametrize("k", [1, 10, 400])
def test_every_exact_form_finds_what_a_look_at_all_scores_finds(histories, k, only_new, allowed):
    for form, dense in (
        (Dense(scores("dense")), scores("dense")),
        (Sparse(sp.csr_matrix(scores("sparse"))), scores("sparse")),
        (Common(scores("dense")[0]), np.tile(scores("dense")[0], (N, 1))),
    ):
        found = form.best(k, histories, only_new=only_new, allowed=allowed)
        assert np.array_equal(as_lists(found, k), reference(dense, k, histories, only_new, allowed)), type(form)
        rows, items = np.nonzero(dense < 99)
        assert np.array_equal(form.at(rows, items), dense.ravel())


def test_a_score_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        Sparse(sp.csr_matrix(np.array([[np.nan, 1.0]])))
    with pytest.raises(ValueError, match="NaN"):
        Common(np.array([np.nan, 1.0]))


def test_a_walk_goes_as_far_as_it_must():
    order = np.arange(ITEMS)[::-1]
    assert walk(order, 3, np.arange(290, 300), None).tolist() == [289, 288, 287]
    only = np.zeros(ITEMS, dtype=bool)
    only[[4, 7]] = True
    assert walk(order, 3, None, only).tolist() == [7, 4]


@pytest.fixture(scope="module")
def listed():
    draw = np.random.default_rng(6)
    centres = draw.standard_normal((20, 8))
    vectors = (centres[draw.integers(20, size=ITEMS)] + 0.2 * draw.standard_normal((ITEMS, 8))).astype(np.float32)
    lists = InvertedLists.make(vectors, 8, ITEMS, np.random.default_rng(1))
    return ListedVectors(vectors, lists, 8, np.arange(0, ITEMS, 2), counted=50)


@pytest.mark.parametrize("allowed", [None, ALLOWED], ids=["all", "allowed"])
def test_lists_that_are_all_looked_into_find_the_exact_answer(histories, listed, allowed):
    queries = (3 * np.random.default_rng(7).standard_normal((N, 8))).astype(np.float32)
    dense = queries @ listed.vectors.T
    form = Listed(listed, queries, softmax=False)
    for only_new in (False, True):
        found = as_lists(form.best(10, histories, only_new=only_new, allowed=allowed), 10)
        exact = reference(dense, 10, histories, only_new, allowed)
        assert np.mean([len(set(f) & set(e)) for f, e in zip(found.tolist(), exact.tolist(), strict=True)]) >= 9.5
    rows, items = np.nonzero(dense < np.inf)
    assert form.at(rows, items) == pytest.approx(dense.ravel(), abs=1e-4)


def test_the_softmax_of_a_large_catalogue_is_estimated_from_near_items_and_a_sample(listed):
    queries = (2 * np.random.default_rng(8).standard_normal((N, 8))).astype(np.float32)
    products = queries @ listed.vectors.T
    exact = np.log1p(ITEMS * np.exp(products) / np.exp(products).sum(axis=1, keepdims=True))
    rows, items = np.nonzero(products < np.inf)
    assert Listed(listed, queries, softmax=True).at(rows, items) == pytest.approx(exact.ravel(), rel=0.1, abs=0.02)
