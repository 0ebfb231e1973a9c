"""Two towers: numpy equals Keras, a never-bought item is found by its content, another shop's model helps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from components.core.content import ItemContent, content_of_tags
from components.core.dataset import DAY_S, Dataset, Histories
from components.core.errors import DataError
from components.core.vocabulary import Vocabulary
from components.deep._numpy_layers import directions
from components.deep._pools import pools_of
from components.deep.two_tower import TwoTower, TwoTowerConfig
from components.features.graph_embedding import knowledge_vectors
from components.features.knowledge_graph import KnowledgeGraphConfig

NOW = 400 * DAY_S
BRANDS, PER_BRAND = 4, 6
TINY = {"embedding_size": 8, "hidden_size": 8, "epochs": 10, "negatives": 12, "batch_size": 64, "learning_rate": 0.02}


def brand_shop(n_users: int, seed: int, shop: str = "a") -> Dataset:
    """Users who keep to one of four brands; the last item of every brand is never bought."""
    draw = np.random.default_rng(seed)
    ids = [f"{shop}{brand}{item}" for brand in range(BRANDS) for item in range(PER_BRAND)]
    items = Vocabulary.fit(ids)
    events = [
        (user, items.index(f"{shop}{user % BRANDS}{draw.integers(PER_BRAND - 1)}"), NOW - (6 - at) * DAY_S)
        for user in range(n_users)
        for at in range(6)
    ]
    user, item, times = np.array(events).T
    users = Vocabulary.fit([f"u{number:03}" for number in range(n_users)])
    data = Dataset.indexed(users, items, user, item, times, NOW)
    return replace(data, content=content_of_tags({key: [f"brand {key[1]}"] for key in ids}, items))


def brand_of(data: Dataset) -> np.ndarray:
    return np.array([int(key[1]) for key in data.items.ids])


def rank_of_the_never_bought(model: TwoTower, data: Dataset) -> np.ndarray:
    """Rank, from 1, of each brand's never-bought item for a user of that brand who has bought two of its items."""
    brands, last = brand_of(data), np.array([key.endswith(str(PER_BRAND - 1)) for key in data.items.ids])
    asked = [np.flatnonzero((brands == brand) & ~last)[:2].tolist() for brand in range(BRANDS)]
    scores = model.score(Histories.of(asked, [[NOW - 2 * DAY_S, NOW - DAY_S]] * BRANDS, NOW))
    targets = np.array([np.flatnonzero((brands == brand) & last)[0] for brand in range(BRANDS)])
    return (scores > scores[np.arange(BRANDS), targets][:, None]).sum(axis=1) + 1


@pytest.mark.slow
@pytest.mark.parametrize("text", ["none", "mean", "cnn"])
def test_two_towers_in_numpy_equal_their_keras_graph(text: str) -> None:
    import tensorflow as tf

    from components.deep._two_tower_training import TwoTowerTrainer

    data, draw = brand_shop(20, 0), np.random.default_rng(1)
    words = draw.integers(0, 5, size=(len(data.items), 4)).astype(np.int32)
    vectors = draw.normal(size=(len(data.items), 3)).astype(np.float32)
    data = replace(data, content=replace(data.content, vectors=vectors, words=words))
    model = TwoTower(TwoTowerConfig(**TINY, text=text))
    model.items = data.items
    trainer = TwoTowerTrainer(data, model.config, np.random.default_rng(0))
    for variable in trainer.towers.variables:
        variable.assign(draw.normal(scale=0.5, size=variable.shape))
    model.restore(trainer.weights())
    every = np.arange(len(data.items), dtype=np.int32)
    items, biases = trainer.towers.items(*map(tf.constant, trainer._inputs(every, trainer.known)))
    pools = pools_of(data.histories, model.config.basket_decays, model.config.max_length)
    users = trainer.towers.users(items, *map(tf.constant, (pools.items, pools.rows, pools.weights, np.int32(pools.n))))
    cosines = directions(users.numpy()) @ directions(items.numpy()).T
    expected = cosines / model.config.temperature + biases.numpy()
    np.testing.assert_allclose(model.logits(data.histories), expected, atol=1e-3)


@pytest.mark.slow
def test_an_item_nobody_bought_is_ranked_by_its_content_and_not_at_all_without() -> None:
    data = brand_shop(60, 0)
    with_content = TwoTower(TwoTowerConfig(**TINY)).fit(data, np.random.default_rng(0))
    assert (rank_of_the_never_bought(with_content, data) <= PER_BRAND).all(), "behind none but its brand's own"
    without = TwoTower(TwoTowerConfig(**TINY)).fit(replace(data, content=None), np.random.default_rng(0))
    assert rank_of_the_never_bought(without, data).mean() > PER_BRAND


@pytest.mark.slow
def test_another_shops_model_helps_a_small_shop_that_sells_the_same_brands(tmp_path: Path) -> None:
    TwoTower(TwoTowerConfig(**TINY)).fit(brand_shop(80, 0, "a"), np.random.default_rng(0)).save(tmp_path / "large")
    small = brand_shop(5, 1, "b")  # no item in common, one user or two a brand
    options = TINY | {"epochs": 1, "learning_rate": 0.001, "validation_share": 0}
    ranks = {}
    for start in (None, str(tmp_path / "large")):
        model = TwoTower(TwoTowerConfig(**options, start_from=start)).fit(small, np.random.default_rng(0))
        ranks[start is not None] = rank_of_the_never_bought(model, small).mean()
    assert ranks[True] <= PER_BRAND < ranks[False]


@pytest.mark.slow
def test_a_start_of_another_size_is_refused_in_words(tmp_path: Path) -> None:
    data = brand_shop(12, 0)
    TwoTower(TwoTowerConfig(**TINY | {"epochs": 1})).fit(data, np.random.default_rng(0)).save(tmp_path / "eight")
    config = TwoTowerConfig(**TINY | {"embedding_size": 4}, start_from=str(tmp_path / "eight"))
    with pytest.raises(DataError, match="is no two_tower of embedding_size 4"):
        TwoTower(config).fit(data, np.random.default_rng(0))


def test_required_content_that_is_missing_is_refused_in_words() -> None:
    data = replace(brand_shop(12, 0), content=None)
    empty = np.full((len(data.items), 4), 0, np.int32)
    nothing = ItemContent(np.zeros((len(empty), 0), np.float32), {"brand": empty[:, 0] - 1}, words=empty)
    for content in (None, nothing, replace(nothing, words=empty + 1)):  # words are not read where text is none
        with pytest.raises(DataError, match=r"nothing is known of the items, and content: req.*item_attributes\.json"):
            TwoTower(TwoTowerConfig(content="require")).fit(replace(data, content=content), np.random.default_rng(0))
    for content in (None, nothing):
        with pytest.raises(DataError, match="text: cnn reads titles, and no two items share a word of a title"):
            TwoTower(TwoTowerConfig(text="cnn")).fit(replace(data, content=content), np.random.default_rng(0))


@pytest.mark.slow
def test_no_id_is_left_out_where_the_content_says_nothing() -> None:
    data = brand_shop(12, 0)
    nothing = ItemContent(np.zeros((len(data.items), 0), np.float32), words=np.zeros((len(data.items), 4), np.int32))
    scores = [
        TwoTower(TwoTowerConfig(**TINY | {"epochs": 2}, id_dropout=share))
        .fit(replace(data, content=nothing), np.random.default_rng(0))
        .score(data.histories)
        for share in (0.0, 0.5)
    ]
    assert np.array_equal(*scores)


def brands_and_tags() -> ItemContent:
    """Of three items: the first is Theirs and has tag 1, the second nothing, the third is Ours and has both tags."""
    return ItemContent(
        np.zeros((3, 0), np.float32),
        codes={"brand": np.array([1, -1, 0], dtype=np.int32)},
        tags=sp.csr_matrix(np.array([[0, 1], [0, 0], [1, 1]], dtype=np.float32)),
        labels={"brand": np.array(["Ours", "Theirs"])},
    )


def test_content_knows_which_items_have_one_of_some_values() -> None:
    content = brands_and_tags()
    assert content.having({"brand": ["Theirs"]}).tolist() == [True, False, False]
    assert content.having({"brand": ["Ours"], "tags": ["1"]}).tolist() == [True, False, True]
    with pytest.raises(DataError, match="no item has colour red; what is known of items is their brand, tags"):
        content.having({"colour": ["red"]})


def test_the_features_of_content_are_its_codes_and_tags_by_name() -> None:
    content = brands_and_tags()
    assert content.features().toarray().tolist() == [[0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 1, 1]]
    assert content.feature_names() == ["brand=Ours", "brand=Theirs", "tags=0", "tags=1"]


def test_tags_of_one_item_only_say_nothing_of_others_and_are_left_out() -> None:
    content = content_of_tags({"x": [5, 7], "y": [5], "elsewhere": [7]}, Vocabulary.fit(["x", "y", "z"]))
    assert content.tags.toarray().tolist() == [[1], [1], [0]] and content.feature_names() == ["tags=5"]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["transe", "rotate"])
def test_a_never_bought_item_is_found_by_its_place_in_the_knowledge_graph_alone(way: str) -> None:
    data = brand_shop(120, 0)
    graph = KnowledgeGraphConfig(way=way, embedding_size=8, epochs=60, batch_size=16, margin=2)
    facts = ItemContent(np.zeros((len(data.items), 0), np.float32), {"brand": brand_of(data).astype(np.int32)})
    vectors = knowledge_vectors(facts, graph, np.random.default_rng(0))
    options = TwoTowerConfig(**TINY, id_dropout=0.5)  # the ids are left out often, for the places to count
    model = TwoTower(options).fit(replace(data, content=ItemContent(vectors)), np.random.default_rng(1))
    assert rank_of_the_never_bought(model, data).max() <= PER_BRAND
