"""Item- and user-kNN: similarities worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from components.cf.item_knn import ItemKnn, ItemKnnConfig
from components.cf.user_knn import UserKnn, UserKnnConfig
from components.core.dataset import Dataset, Histories

RNG = np.random.default_rng(0)
# a and b share the buyer u; a alone has v; c alone has w
DATA = Dataset.from_events(np.array(list("uuvw")), np.array(list("abac")), np.array([1, 2, 3, 4]), 10)


def similarities(**options: object) -> np.ndarray:
    config = ItemKnnConfig(weighting="cosine", half_life_days=None, **options)
    return ItemKnn(config).fit(DATA, RNG).similar.toarray()


def test_cosine_of_shared_buyers() -> None:
    half = 1 / np.sqrt(2)
    assert similarities(shrinkage=0) == pytest.approx(np.array([[1, half, 0], [half, 1, 0], [0, 0, 1]]))


def test_shrinkage_pulls_items_with_few_buyers_down() -> None:
    shrunk = similarities(shrinkage=2)
    assert shrunk[0, 0] == pytest.approx(2 / 4) and shrunk[2, 2] == pytest.approx(1 / 3)
    assert shrunk[0, 1] == pytest.approx(np.sqrt(2 / 4 * 1 / 3) / np.sqrt(2))


def test_only_the_asked_number_of_neighbours_is_kept() -> None:
    assert (similarities(shrinkage=0, neighbours=1) > 0).sum(axis=1).tolist() == [1, 1, 1]


@pytest.mark.parametrize("weighting", ["tfidf", "bm25"])
def test_every_weighting_keeps_self_first_and_strangers_at_zero(weighting: str) -> None:
    similar = ItemKnn(ItemKnnConfig(weighting=weighting)).fit(DATA, RNG).similar.toarray()
    assert (similar.argmax(axis=1) == np.arange(3)).all()
    assert similar[0, 1] > 0 and similar[0, 2] == similar[1, 2] == 0


def test_a_fitted_user_is_scored_as_a_new_one_whose_row_was_never_fitted() -> None:
    config = UserKnnConfig(half_life_days=None, own_weight=2)
    fitted = UserKnn(config).fit(DATA, RNG).score(DATA.histories.take(np.array([0])))
    rest = Dataset.from_events(np.array(list("vwx")), np.array(list("acb")), np.array([3, 4, 5]), 10)
    rest = replace(rest, histories=rest.histories.keep(rest.histories.times < 5))  # b stays in the catalogue
    new = UserKnn(config).fit(rest, RNG).score(Histories.of([[0, 1]], [[1, 2]], 10))
    root = 1 / np.sqrt(2)  # of u's row of length 1, and u's similarity to v
    assert fitted == pytest.approx(np.array([[2 * root + root, 2 * root, 0]])) and new == pytest.approx(fitted)


def test_a_new_user_gets_the_purchases_of_the_nearest_user() -> None:
    model = UserKnn(UserKnnConfig(neighbours=1, own_weight=0, half_life_days=None)).fit(DATA, RNG)
    scores = model.score(Histories.of([[1]], [[5]], 10))  # only u bought b; u also bought a
    assert scores == pytest.approx(np.array([[0.5, 0.5, 0]]))
