"""Knowledge graph: facts from content, and vectors in which like items are close."""

import numpy as np
import pytest
import scipy.sparse as sp

from components.core.config import parse
from components.core.content import ItemContent
from components.core.errors import ConfigError
from components.features.graph_embedding import WAYS, knowledge_vectors
from components.features.knowledge_graph import KnowledgeGraphConfig, triples_of

NONE = np.zeros((4, 0), np.float32)


def test_every_attribute_and_every_tag_is_a_fact():
    tags = sp.csr_matrix(np.array([[1, 1], [0, 0], [0, 1], [0, 0]], dtype=np.float32))
    triples = triples_of(ItemContent(NONE, {"brand": np.array([1, -1, 0, -1], dtype=np.int32)}, tags))
    assert triples.names == ("brand", "tags") and triples.first.tolist() == [0, 2, 4]
    facts = zip(triples.items.tolist(), triples.relations.tolist(), triples.values.tolist(), strict=True)
    assert sorted(facts) == [(0, 0, 1), (0, 1, 2), (0, 1, 3), (2, 0, 0), (2, 1, 3)]


@pytest.mark.parametrize("way", sorted(WAYS))
def test_items_alike_in_more_attributes_are_closer(way):
    # Brand and kind; item i has brand i % 4 and kind i // 10, of 40 items.
    at = np.arange(40)
    codes = {"brand": (at % 4).astype(np.int32), "kind": (at // 10).astype(np.int32)}
    content = ItemContent(np.zeros((40, 0), np.float32), codes)
    config = KnowledgeGraphConfig(way=way, embedding_size=16, epochs=200)
    vectors = knowledge_vectors(content, config, np.random.default_rng(0))
    alike = vectors @ vectors.T
    agree = (codes["brand"][:, None] == codes["brand"]).astype(int) + (codes["kind"][:, None] == codes["kind"])
    off = ~np.eye(40, dtype=bool)
    means = [alike[off & (agree == n)].mean() for n in range(3)]
    assert means[0] + 0.1 < means[1] < means[2] - 0.1


@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_planted_relation_tells_the_value_that_an_item_lacks(way):
    # The brand decides the country: brands 0, 4, 8 are of country 0, and so on. Every sixth item's country is not said.
    at = np.arange(120)
    brand = (at % 12).astype(np.int32)
    country = (brand % 4).astype(np.int32)
    hidden = at % 6 == at // 12 % 6
    told = np.where(hidden, -1, country).astype(np.int32)
    triples = triples_of(ItemContent(np.zeros((120, 0), np.float32), {"brand": brand, "country": told}))
    config = KnowledgeGraphConfig(way=way, embedding_size=16, epochs=150, batch_size=32, margin=2)
    learned = WAYS[way](triples, config, np.random.default_rng(0)).fit()
    guessed = learned.distances(at[hidden], "country").argmin(axis=1)
    assert len(guessed) == 20 and (guessed == country[hidden]).mean() >= 0.9
    assert np.linalg.norm(learned.entities, axis=1) == pytest.approx(np.ones(120 + 12 + 4))


@pytest.mark.parametrize("way", sorted(WAYS))
def test_the_gradients_are_those_of_the_distance(way):
    content = ItemContent(NONE, {"brand": np.array([0, 1, 2, 0], dtype=np.int32)})
    learned = WAYS[way](triples_of(content), KnowledgeGraphConfig(way=way, embedding_size=4), np.random.default_rng(0))
    head, tail, relation = learned.entities[[0]], learned.entities[[5]], learned.relations[[0]]

    def distance(head, relation):
        return np.square(learned._lead(head, relation) - tail).sum()

    led = 2 * (learned._lead(head, relation) - tail)
    found = [learned._back(led, relation), learned._relation_gradients(led, head, relation)]
    for gradient, which in zip(found, (0, 1), strict=True):
        for place in range(gradient.shape[1]):
            here, step = [head, relation], 1e-6 * np.eye(gradient.shape[1])[[place]]
            ends = [
                distance(*[x + sign * step if side == which else x for side, x in enumerate(here)]) for sign in (1, -1)
            ]
            assert (ends[0] - ends[1]) / 2e-6 == pytest.approx(gradient[0, place], abs=1e-6)


def test_pairs_of_coordinates_need_an_even_number():
    with pytest.raises(ConfigError, match="embedding_size 5 must be even where way is rotate"):
        parse(KnowledgeGraphConfig, {"way": "rotate", "embedding_size": 5}, "params.yaml: reduce.knowledge_graph")


def test_the_same_seed_gives_the_same_vectors_and_an_item_without_facts_has_none():
    content = ItemContent(NONE, {"brand": np.array([0, 0, 1, -1], dtype=np.int32)})
    config = KnowledgeGraphConfig(embedding_size=4, epochs=3)
    one, two = (knowledge_vectors(content, config, np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(one, two) and not one[3].any() and one[:3].any(axis=1).all()


@pytest.mark.parametrize("codes", [{}, {"brand": np.full(4, -1, dtype=np.int32)}])
def test_without_any_fact_there_are_no_vectors(codes):
    vectors = knowledge_vectors(ItemContent(NONE, codes), KnowledgeGraphConfig(), np.random.default_rng(0))
    assert vectors.shape == (4, 0)
