"""Which way a model is asked, and what an index must keep; on a small shop whose sizes are called large."""

import numpy as np
import pytest

from components.cf.als import Als
from components.cf.item_knn import ItemKnn
from components.cf.popularity import Popularity
from components.core.dataset import DAY_S, Dataset
from components.retrieval.evidence import Common, Dense, Listed, Sparse
from components.retrieval.retrieval import Retrieval, RetrievalConfig

SMALL, LARGE = RetrievalConfig(), RetrievalConfig(exact_up_to=100)


@pytest.fixture(scope="module")
def shop():
    draw = np.random.default_rng(2)
    user = np.repeat(np.arange(150), 12)
    item = (user % 10) * 30 + draw.integers(0, 30, len(user))
    times = draw.integers(0, 50 * DAY_S, len(user))
    ids = (np.char.add(letter, numbers.astype(np.str_)) for letter, numbers in (("u", user), ("i", item)))
    return Dataset.from_events(*ids, times, 50 * DAY_S)


@pytest.fixture(scope="module")
def models(shop):
    made = {"popularity": Popularity(), "item_knn": ItemKnn(), "als": Als(Als.Config(embedding_size=16))}
    return {name: model.fit(shop, np.random.default_rng(1)) for name, model in made.items()}


def test_a_small_catalogue_is_looked_through_and_a_large_one_indexed(shop, models):
    one = shop.histories.take([0])
    forms = [
        {name: type(asked.evidence(name, model, one)) for name, model in models.items()}
        for asked in (Retrieval.make(models, shop.histories, c, np.random.default_rng(0)) for c in (SMALL, LARGE))
    ]
    assert forms[0] == {"popularity": Common, "item_knn": Dense, "als": Dense}
    assert forms[1] == {"popularity": Common, "item_knn": Sparse, "als": Listed}


def test_an_index_keeps_what_it_must_and_says_so_after_it_was_read_back(tmp_path, shop, models):
    made = Retrieval.make(models, shop.histories, LARGE, np.random.default_rng(0))
    assert made.facts()["indexes"]["als"]["recall"] >= 0.95
    assert made.facts()["indexes"]["als"]["users"] == 75
    assert not made.below()
    made.save(tmp_path / "retrieval")
    back = Retrieval.load(tmp_path / "retrieval", models)
    assert back.facts() == made.facts()
    asked = [r.evidence("als", models["als"], shop.histories) for r in (made, back)]
    found = [of.best(10, shop.histories, only_new=True, allowed=None) for of in asked]
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True))


def test_an_index_made_twice_is_the_same(tmp_path, shop, models):
    for name in ("a", "b"):
        Retrieval.make(models, shop.histories, LARGE, np.random.default_rng(0)).save(tmp_path / name)
    assert (tmp_path / "a" / "als.faiss").read_bytes() == (tmp_path / "b" / "als.faiss").read_bytes()
