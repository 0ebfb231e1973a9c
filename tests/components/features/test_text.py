"""Words of product texts, Latin and Chinese, and their vectors."""

import numpy as np

from components.features.text import TextConfig, tfidf, words
from components.reduction.pca import Pca


def test_words_are_lower_case_runs_and_chinese_runs_become_pairs():
    assert words("Yogurt, 6 OZ") == ["yogurt", "6", "oz"]
    assert words("有机牛奶250ml") == ["有机", "机牛", "牛奶", "250ml"]
    assert words("茶") == ["茶"]


def test_alike_texts_lie_near_and_rows_have_length_one():
    matrix, _ = tfidf(["有机牛奶", "有机牛奶 大", "green tea", ""], TextConfig(min_items=1))
    dense = matrix.toarray()
    assert dense[0] @ dense[1] > 0.5 > dense[0] @ dense[2]
    assert np.allclose(np.linalg.norm(dense, axis=1), [1, 1, 1, 0])


def test_a_shop_of_three_unlike_things_has_no_words_and_still_reduces():
    matrix, found = tfidf(["green tea", "goat cheese", "rye bread"], TextConfig(min_items=3))
    assert (matrix.shape, found) == ((3, 0), [])
    assert Pca().fit(matrix).transform(matrix).shape == (3, 0)


def test_three_things_of_a_kind_share_their_word():
    matrix, found = tfidf(["green tea", "black tea", "white tea"], TextConfig(min_items=3))
    assert (matrix.shape, found) == ((3, 1), ["tea"])
    assert Pca().fit(matrix).transform(matrix).shape == (3, 1)
