import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.errors import ConfigError
from components.experiments.assignment import BUCKETS, assign, bucket

HALVES = {"control": 0.5, "treatment": 0.5}
names = st.text(min_size=1, max_size=30)


def test_assignment_is_the_same_in_every_version():
    """Written down once: a change here would move running experiments' users to another variant."""
    assert [bucket(str(unit), "demo") for unit in range(5)] == [1091, 7409, 3179, 5998, 1144]


@given(names, names)
def test_assignment_is_deterministic(unit, experiment):
    assert assign(unit, experiment, HALVES) == assign(unit, experiment, dict(HALVES))


@given(names, st.integers(0, 100))
def test_the_order_in_which_shares_are_written_does_not_matter(unit, percent):
    shares = {"control": percent / 100, "treatment": 1 - percent / 100}
    assert assign(unit, "demo", shares) == assign(unit, "demo", dict(reversed(shares.items())))


@given(names, st.lists(st.integers(0, 100), min_size=1, max_size=5).filter(any))
def test_a_variant_without_share_gets_nobody(unit, parts):
    shares = {f"v{i}": part / sum(parts) for i, part in enumerate(parts)}
    assert shares[assign(unit, "demo", shares)] > 0


@given(names, st.sampled_from([(0.1, 0.2), (0.3, 0.9), (0.0, 1.0)]))
def test_a_growing_share_keeps_whom_it_has(unit, grown):
    """Widening a variant from 10 % to 20 % must not move those who already see it."""
    small, large = ({"treatment": share, "control": 1 - share} for share in grown)
    if assign(unit, "demo", small) == "treatment":
        assert assign(unit, "demo", large) == "treatment"


@settings(derandomize=True)
@given(st.integers(1, 99), names)
def test_shares_are_respected(percent, experiment):
    """2,000 units: five standard errors of a share are at most 0.056; 100 fixed examples."""
    shares = {"treatment": percent / 100, "control": 1 - percent / 100}
    found = sum(assign(str(unit), experiment, shares) == "treatment" for unit in range(2000)) / 2000
    assert found == pytest.approx(percent / 100, abs=0.056)


def test_another_experiment_shuffles_anew():
    first, second = ([assign(str(u), name, HALVES) for u in range(4000)] for name in ("first", "second"))
    agree = sum(a == b for a, b in zip(first, second, strict=True)) / 4000
    assert agree == pytest.approx(0.5, abs=0.04)


def test_names_do_not_run_into_each_other():
    assert bucket("c", "ab") != bucket("bc", "a")


@given(names, names)
def test_buckets_stay_in_range(unit, experiment):
    assert 0 <= bucket(unit, experiment) < BUCKETS


@pytest.mark.parametrize("shares", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}, {"a": float("nan")}])
def test_shares_that_are_no_shares_are_refused(shares):
    with pytest.raises(ConfigError, match="sum to 1"):
        assign("1", "demo", shares)
