"""Vectors of a large catalogue: the lists say what they keep of the exact answer, and give way where that is little."""

from __future__ import annotations

import numpy as np
import pytest

from components.core.errors import BundleError
from components.retrieval import vectors


@pytest.fixture
def shop():
    """4,000 unit vectors around 40 centres, and queries near some of them."""
    draw = np.random.default_rng(3)
    centres = draw.standard_normal((40, 16))
    found = centres[np.arange(4000) % 40] + 0.4 * draw.standard_normal((4000, 16))
    unit = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    return unit, unit[:64] + 0.1 * draw.standard_normal((64, 16)).astype(np.float32)


def test_lists_look_into_as_many_as_the_recall_needs_and_say_so(shop, tmp_path):
    checked = vectors.write(tmp_path, shop[0], np.random.default_rng(1), shop[1], exact_up_to=1000)
    assert checked.recall >= vectors.LEAST_RECALL and checked.judges == 32
    rows, _ = vectors.read(tmp_path, checked.probed).nearest(shop[1][0], 100)
    exact = np.argsort(-(shop[0] @ shop[1][0]))[:100]
    assert len(np.intersect1d(rows, exact)) >= 85


def test_lists_that_keep_too_little_give_way_to_a_look_at_all_items(shop, tmp_path, monkeypatch):
    monkeypatch.setattr(vectors, "LEAST_RECALL", 1.1)
    checked = vectors.write(tmp_path, shop[0], np.random.default_rng(1), shop[1], exact_up_to=1000)
    assert checked.recall <= 1
    assert [file.name for file in tmp_path.iterdir()] == [vectors.EXACT_FILE]
    rows, _ = vectors.read(tmp_path, checked.probed).nearest(shop[0][7], 1)
    assert rows.tolist() == [7]


def test_a_small_catalogue_is_looked_at_whole_and_needs_no_check(shop, tmp_path):
    assert vectors.write(tmp_path, shop[0], np.random.default_rng(1), shop[1]) is None
    rows, _ = vectors.read(tmp_path, None).nearest(shop[0][7], 1)
    assert rows.tolist() == [7]


def test_lists_that_nobody_checked_are_not_used(shop, tmp_path):
    lists = vectors.InvertedLists.make(shop[0], 64, 4000, np.random.default_rng(1))
    lists.write(tmp_path / vectors.LISTS_FILE)
    with pytest.raises(BundleError, match="nobody checked what its lists keep; build the index again"):
        vectors.read(tmp_path, None)
