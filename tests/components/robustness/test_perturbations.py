"""The contract every perturbation keeps; a new file under components/robustness/perturbations joins by itself."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.core.dataset import Histories
from components.core.registry import PERTURBATIONS
from components.robustness.perturbations.thinned_history import ThinnedHistory, ThinnedHistoryConfig

N_ITEMS = 9
every_perturbation = pytest.mark.parametrize("name", PERTURBATIONS.names())
levels = st.floats(0, 1)


@st.composite
def histories(draw):
    """Up to five users, some of them without a past, with baskets of events at one time."""
    baskets = draw(st.lists(st.lists(st.lists(st.integers(0, N_ITEMS - 1), min_size=1, max_size=3)), max_size=5))
    items = [[i for basket in user for i in basket] for user in baskets]
    times = [[100 * (at + 1) for at, basket in enumerate(user) for _ in basket] for user in baskets]
    return Histories.of(items, times, now=10_000)


def made(name):
    return PERTURBATIONS.get(name)()


def equal(a: Histories, b: Histories) -> bool:
    return all(np.array_equal(getattr(a, f), getattr(b, f)) for f in ("indptr", "items", "times", "users", "now"))


def copied(h: Histories) -> Histories:
    return replace(h, **{f: getattr(h, f).copy() for f in ("indptr", "items", "times", "users")})


@every_perturbation
def test_default_config_round_trips(name):
    config = made(name).config
    assert type(config).model_validate(config.model_dump()) == config


@every_perturbation
@given(given_histories=histories(), seed=st.integers(0, 99))
def test_level_0_changes_nothing(name, given_histories, seed):
    assert equal(made(name).apply(given_histories, 0.0, np.random.default_rng(seed), N_ITEMS), given_histories)


@every_perturbation
@given(given_histories=histories(), level=levels)
def test_the_input_is_left_alone(name, given_histories, level):
    before = copied(given_histories)
    made(name).apply(given_histories, level, np.random.default_rng(0), N_ITEMS)
    assert equal(before, given_histories)


@every_perturbation
@given(given_histories=histories(), level=levels)
def test_equal_randomness_gives_equal_histories(name, given_histories, level):
    first, second = (made(name).apply(given_histories, level, np.random.default_rng(3), N_ITEMS) for _ in range(2))
    assert equal(first, second)


@every_perturbation
@given(given_histories=histories(), level=levels)
def test_the_result_is_a_valid_history_of_the_same_users(name, given_histories, level):
    found = made(name).apply(given_histories, level, np.random.default_rng(0), N_ITEMS)
    assert len(found) == len(given_histories)
    assert found.now == given_histories.now
    assert np.array_equal(found.users, given_histories.users)
    assert found.indptr[-1] == len(found.items) == len(found.times)
    assert all((np.diff(found.of_user(row)[1]) >= 0).all() for row in range(len(found)))
    assert ((found.items >= 0) & (found.items < N_ITEMS)).all()
    assert (found.items.dtype, found.times.dtype, found.indptr.dtype) == (np.int32, np.int64, np.int64)


def long_history(n=20_000):
    return Histories.of([[0] * n], [list(range(n))], now=n)


def test_event_noise_replaces_the_declared_share():
    """0.3 of 20,000 events, of which one in nine draws the same item again; five standard errors are 0.016."""
    found = made("event_noise").apply(long_history(), 0.3, np.random.default_rng(0), N_ITEMS)
    assert (found.items != 0).mean() == pytest.approx(0.3 * 8 / 9, abs=0.016)


def test_thinned_history_drops_the_declared_share():
    found = made("thinned_history").apply(long_history(), 0.3, np.random.default_rng(0), N_ITEMS)
    assert len(found.items) / 20_000 == pytest.approx(0.7, abs=0.017)


@given(given_histories=histories())
def test_whole_baskets_stay_whole(given_histories):
    thin = ThinnedHistory(ThinnedHistoryConfig(whole_baskets=True))
    found = thin.apply(given_histories, 0.5, np.random.default_rng(0), N_ITEMS)
    for row in range(len(found)):
        before, after = given_histories.of_user(row)[1], found.of_user(row)[1]
        assert all((before == t).sum() == (after == t).sum() for t in set(after.tolist()))
