"""Knowledge graph: facts from content, and vectors in which like items are close."""

import numpy as np
import pytest
import scipy.sparse as sp

from components.core.content import ItemContent
from components.features.knowledge_graph import KnowledgeGraphConfig, knowledge_vectors, triples_of

NONE = np.zeros((4, 0), np.float32)


def test_every_attribute_and_every_tag_is_a_fact():
    tags = sp.csr_matrix(np.array([[1, 1], [0, 0], [0, 1], [0, 0]], dtype=np.float32))
    triples = triples_of(ItemContent(NONE, {"brand": np.array([1, -1, 0, -1], dtype=np.int32)}, tags))
    assert triples.names == ("brand", "tags") and triples.first.tolist() == [0, 2, 4]
    facts = zip(triples.items.tolist(), triples.relations.tolist(), triples.values.tolist(), strict=True)
    assert sorted(facts) == [(0, 0, 1), (0, 1, 2), (0, 1, 3), (2, 0, 0), (2, 1, 3)]


def test_items_alike_in_more_attributes_are_closer():
    # Brand and kind; item i has brand i % 4 and kind i // 10, of 40 items.
    at = np.arange(40)
    codes = {"brand": (at % 4).astype(np.int32), "kind": (at // 10).astype(np.int32)}
    content = ItemContent(np.zeros((40, 0), np.float32), codes)
    config = KnowledgeGraphConfig(embedding_size=16, epochs=200)
    vectors = knowledge_vectors(content, config, np.random.default_rng(0))
    alike = vectors @ vectors.T
    agree = (codes["brand"][:, None] == codes["brand"]).astype(int) + (codes["kind"][:, None] == codes["kind"])
    off = ~np.eye(40, dtype=bool)
    means = [alike[off & (agree == n)].mean() for n in range(3)]
    assert means[0] + 0.1 < means[1] < means[2] - 0.1


def test_the_same_seed_gives_the_same_vectors_and_an_item_without_facts_has_none():
    content = ItemContent(NONE, {"brand": np.array([0, 0, 1, -1], dtype=np.int32)})
    config = KnowledgeGraphConfig(embedding_size=4, epochs=3)
    one, two = (knowledge_vectors(content, config, np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(one, two) and not one[3].any() and one[:3].any(axis=1).all()


@pytest.mark.parametrize("codes", [{}, {"brand": np.full(4, -1, dtype=np.int32)}])
def test_without_any_fact_there_are_no_vectors(codes):
    vectors = knowledge_vectors(ItemContent(NONE, codes), KnowledgeGraphConfig(), np.random.default_rng(0))
    assert vectors.shape == (4, 0)
