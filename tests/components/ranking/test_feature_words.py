"""Every feature of the ranker has words, and none of them is a name of the code."""

import pytest

from components.core import layout
from components.ranking.assemble import load_hybrid
from components.ranking.feature_words import in_words
from components.splits import store


def test_every_feature_of_a_trained_ranker_has_words(trained_shop):
    data = store.load_dataset(trained_shop / layout.SPLIT / layout.TEST_FOLD / store.DATASET)
    names = load_hybrid(trained_shop, layout.TEST_FOLD, data).ranker.names
    assert len(names) > 40
    assert [name for name in names if in_words(name) == name] == []
    assert len({in_words(name) for name in names}) == len(names)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("score.item_knn", "how strongly item_knn proposes it"),
        ("bought_28d", "how often this person bought it in 28 days"),
        ("category_decayed", "how often this person bought of its category lately"),
        ("user_spend_per_basket", "this person's spend per basket"),
        ("a_shop_s_own_feature", "a_shop_s_own_feature"),
    ],
)
def test_words_of_some_features(name, words):
    assert in_words(name) == words
