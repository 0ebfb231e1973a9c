"""Words of product texts, Latin and Chinese, and their vectors."""

import numpy as np

from components.features.text import TextConfig, tfidf, words


def test_words_are_lower_case_runs_and_chinese_runs_become_pairs():
    assert words("Yogurt, 6 OZ") == ["yogurt", "6", "oz"]
    assert words("有机牛奶250ml") == ["有机", "机牛", "牛奶", "250ml"]
    assert words("茶") == ["茶"]


def test_alike_texts_lie_near_and_rows_have_length_one():
    matrix, _ = tfidf(["有机牛奶", "有机牛奶 大", "green tea", ""], TextConfig(min_items=1))
    dense = matrix.toarray()
    assert dense[0] @ dense[1] > 0.5 > dense[0] @ dense[2]
    assert np.allclose(np.linalg.norm(dense, axis=1), [1, 1, 1, 0])
