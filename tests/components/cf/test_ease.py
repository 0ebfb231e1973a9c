"""EASE: the closed form, its memory, and its head."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

from components.cf._neighbours import BLOCK_CELLS
from components.cf.ease import BLOCKS_AT_ONCE, Ease, EaseConfig, check_memory, closed_form
from components.core.dataset import Dataset
from components.core.errors import ConfigError, DataError


def test_weights_are_steck_s_closed_form() -> None:
    bought = (np.random.default_rng(0).random((30, 6)) < 0.4).astype(np.float32)
    inverse = np.linalg.inv(bought.T.astype(np.float64) @ bought + 5 * np.eye(6))
    expected = np.eye(6) - inverse / np.diag(inverse)
    assert closed_form(sp.csr_matrix(bought), 5) == pytest.approx(expected, abs=1e-5)


def test_a_fit_beyond_the_memory_limit_is_refused_before_it_starts() -> None:
    words = r"fitting 20000 items needs about 2\.0 GB.* set max_items to at most 16703 and tail_neighbours"
    with pytest.raises(ConfigError, match=words):
        check_memory(20_000, limit_gb=1.5)
    check_memory(16_703, limit_gb=1.5)
    with pytest.raises(ConfigError, match="set max_items to at most 1240 "):
        check_memory(20_000, limit_gb=0.08)
    check_memory(1240, limit_gb=0.08)
    with pytest.raises(ConfigError, match=r"fitting 600000 items needs about 1\.4 TB"):
        check_memory(600_000, limit_gb=2)


def test_a_fit_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing would be fitted"):
        EaseConfig(max_items=0)
    assert EaseConfig(max_items=0, tail_neighbours=1).tail_neighbours == 1


def test_a_fit_of_400000_items_at_once_is_refused_with_its_need_and_the_way_out() -> None:
    ids = np.char.mod("%06d", np.arange(400_000))
    data = Dataset.from_events(np.full(len(ids), "u"), ids, np.arange(len(ids)), len(ids))
    words = r"fitting 400000 items needs about 640\.\d GB, memory_limit_gb is 2; set max_items .* raise memory_limit_gb"
    tracemalloc.start()
    with pytest.raises(ConfigError, match=words):
        Ease(EaseConfig(max_items=400_000)).fit(data, np.random.default_rng(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e8  # bytes


def test_the_fit_takes_no_more_memory_than_foretold() -> None:
    n = 1000
    bought = sp.csr_matrix((np.random.default_rng(0).random((300, n)) < 0.2).astype(np.float32))
    tracemalloc.start()
    closed_form(bought, 100)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 4 * n**2 + BLOCKS_AT_ONCE * 4 * min(BLOCK_CELLS, n**2)


@pytest.mark.parametrize("users", [1, 30, 3000])
def test_a_ridge_too_small_for_items_of_the_same_buyers_is_refused_in_words(users: int) -> None:
    twins = sp.csr_matrix(np.ones((users, 3), dtype=np.float32))
    with pytest.raises(DataError, match=r"regularization 1e-30 is too small.*; raise `regularization`"):
        closed_form(twins, 1e-30)
    assert np.isfinite(closed_form(twins, 10)).all()


@pytest.mark.parametrize("max_items", [0, 1])
def test_a_ridge_too_small_for_the_tail_is_refused_in_words_too(max_items: int) -> None:
    users, items = (each.ravel() for each in np.meshgrid(np.arange(3000), np.arange(6)))
    data = Dataset.from_events(users.astype(str), items.astype(str), items, 10)
    model = Ease(EaseConfig(max_items=max_items, tail_neighbours=5, regularization=1e-4))
    with pytest.raises(DataError, match=r"regularization 0\.0001 is too small"):
        model.fit(data, np.random.default_rng(0))


def test_only_the_head_is_scored() -> None:
    users, items = np.array(list("uuvvw")), np.array(list("ababc"))
    data = Dataset.from_events(users, items, np.arange(5), 10)
    model = Ease(EaseConfig(max_items=2, regularization=1)).fit(data, np.random.default_rng(0))
    assert (model.score(data.histories) > 0).tolist() == [[True, True, False]] * 2 + [[False] * 3]
