"""What every split method promises for any interactions: no overlap, nothing lost, nothing by chance."""

import inspect
from datetime import datetime, timedelta

import ibis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.core import layout
from components.core import schema as s
from components.core.config import parse
from components.core.registry import SPLITS
from components.data.source import SourceChoice
from components.splits import datasets, guard
from components.splits.splitter import SplitConfig

START = datetime(2024, 1, 1)  # noqa: DTZ001 - canonical times are UTC without a zone
DAYS = 40
METHODS = SPLITS.names()
EARLIER = " with an earlier fold"
WAYS = METHODS + [name + EARLIER for name in METHODS if "earlier" in SPLITS.get(name).Config.model_fields]
OPTIONS = {
    "rolling": {"windows": 3, "window_days": 5},
    "cold_users": {"users_share": 0.3},
    "cold_items": {"hold_out": "share", "items_share": 0.3},
}
TYPES = {s.USER_ID: "string", s.ITEM_ID: "string", s.TIMESTAMP: "timestamp(6)"}
TYPES |= {s.EVENT_TYPE: "string", s.SESSION_ID: "string"}
# One user is there from the first day to the last, so that every method has something to cut.
ALWAYS = [("u0", "i0", 0, 0), ("u0", "i1", 20, 0), ("u0", "i2", DAYS, 0)]
ALWAYS += [("u0", f"i{at}", day, 0) for at, day in enumerate((30, 30, 34, 34))] + [("u0", "i5", DAYS, 0)]
# … sessions of two events in every window
EVENTS = st.lists(
    st.tuples(
        st.sampled_from([f"u{u}" for u in range(8)]),
        st.sampled_from([f"i{i}" for i in range(8)]),
        st.integers(1, DAYS - 1),
        st.integers(0, 2),
    ),
    max_size=60,
    unique=True,
)


def splitter(way):
    name = way.removesuffix(EARLIER)
    options = {"method": name, "min_users_per_item": 1, "min_items_per_user": 1} | OPTIONS.get(name, {})
    config = parse(SplitConfig, options | ({} if way == name else {"earlier": True}), name)
    return SPLITS.get(name)(config)


def interactions(events):
    columns = {name: [] for name in TYPES}
    for user, item, day, session in events:
        row = (user, item, START + timedelta(days=day), s.PURCHASE, f"{user}-{day}-{session}")
        for column, value in zip(columns, row, strict=True):
            columns[column].append(value)
    return ibis.memtable(columns, schema=TYPES)


def rows(table):
    if table is None:
        return set()
    found = table.select(s.USER_ID, s.ITEM_ID, s.TIMESTAMP, s.SESSION_ID).to_pyarrow().to_pylist()
    return {tuple(row.values()) for row in found}


def parts(fold):
    return {name: rows(getattr(fold, name)) for name in ("history", "target", "asked")}


def unaccounted(name, fold, found, everything, moments):
    """Events of nobody's part that the method's own words do not explain.

    moments  user → when what is foretold of them first, in this fold or a later one, began; of leave-last methods
    """
    rest = everything - found["history"] - found["target"] - found["asked"]
    if name == "sessions":  # of a later window, or of a session that is too short to be asked
        fitted = max(r[2] for r in found["history"])
        return {r for r in rest if r[2] < fold.now and (r[2] <= fitted or sum(e[0] == r[0] for e in everything) > 1)}
    if name.startswith("leave_last"):
        return {r for r in rest if r[0] not in moments or r[2] < moments[r[0]]}
    later = {r for r in rest if r[2] >= fold.cutoff}  # of the next window, or of what is not asked about
    if name == "cold_users":
        fitted = {r[0] for r in found["history"]}
        return {r for r in rest - later if r[0] in fitted}
    if name == "cold_items":
        fitted = {r[1] for r in found["history"]}
        return {r for r in rest - later if r[1] in fitted}
    return rest - later


def first_foretold(folds):
    """User → time of the first event that one of the folds foretells."""
    foretold = sorted((r for fold in folds for r in rows(fold.target)), key=lambda r: r[2], reverse=True)
    return {r[0]: r[2] for r in foretold}


def assert_it_holds(way, events, order):
    """All promises at once, because making tables costs more than looking at them."""
    name = way.removesuffix(EARLIER)
    events = ALWAYS + events
    everything = rows(interactions(events))
    if name == "sessions":
        everything = {(session, item, at, session) for _, item, at, session in everything}
    folds = splitter(way).folds(interactions(events))
    shuffled = splitter(way).folds(interactions([events[at] for at in order(len(events))]))
    guard.check_folds(folds)
    assert [fold.name for fold in folds][-2:] == list(layout.FOLDS)
    assert way == name or [fold.name for fold in folds] == [layout.EARLIER_FOLD, *layout.FOLDS]
    for at, (fold, again) in enumerate(zip(folds, shuffled, strict=True)):
        found = parts(fold)
        assert parts(again) == found, "the order of the rows changes nothing"
        assert (again.now, again.cutoff) == (fold.now, fold.cutoff)
        assert not found["history"] & found["target"] and not found["asked"] & (found["history"] | found["target"])
        assert found["history"] | found["target"] | found["asked"] <= everything
        assert not unaccounted(name, fold, found, everything, first_foretold(folds[at:]))
        assert all(r[2] < fold.now for r in found["history"] | found["asked"])


@pytest.mark.parametrize("way", WAYS)
def test_parts_do_not_overlap_nothing_is_lost_and_order_does_not_matter(way):
    assert_it_holds(
        way,
        [(f"u{(3 * day) % 7}", f"i{(5 * day) % 8}", day, day % 3) for day in range(1, DAYS)],
        lambda n: range(n - 1, -1, -1),
    )


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@given(EVENTS, st.randoms(use_true_random=False))
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
def test_the_same_with_any_shop(way, events, random):
    assert_it_holds(way, events, lambda n: random.sample(range(n), n))


@pytest.mark.parametrize("name", [name for name in METHODS if name.startswith("leave_last")])
def test_users_of_two_turns_are_asked_in_the_test_alone_and_nothing_leaks(name):
    pairs = [(f"v{u}", f"i{u + k}", 3 * u + k, k) for u in range(5) for k in range(2)]
    config = parse(SplitConfig, {"method": name, "min_turns": 2}, name)
    folds = SPLITS.get(name)(config).folds(interactions(ALWAYS + pairs))
    guard.check_folds(folds)
    asked = {fold.name: {r[0] for r in rows(fold.target)} for fold in folds}
    assert asked == {layout.VALIDATION_FOLD: {"u0"}, layout.TEST_FOLD: {"u0", *(f"v{u}" for u in range(5))}}
    assert all(len({r for r in rows(fold.history) if r[0] == "v3"}) == 1 for fold in folds)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_says_plainly_what_leaks(name):
    cls = SPLITS.get(name)
    words = inspect.getdoc(inspect.getmodule(cls))
    assert "What leaks:" in words and "Use it" in words and "Source:" in words
    assert cls.leaks and not cls.leaks.endswith(".")
    if not cls.needs_times:
        assert "never to\ndecide on a release" in words or "never to decide on a release" in words
        assert "the future of other users" in cls.leaks


@pytest.mark.parametrize("name", METHODS)
def test_the_default_configuration_names_its_method_and_round_trips(name):
    config = SPLITS.get(name).Config()
    assert config.method == name
    assert parse(SplitConfig, config.model_dump(mode="json"), name) == config


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_what_is_fitted_on_comes_from_the_history_alone(name):
    events = ALWAYS + [(f"u{u}", f"i{(u * day) % 7}", day, 0) for u in range(8) for day in range(1, DAYS, 3)]
    method = splitter(name)
    for fold in method.folds(interactions(events)):
        data = datasets.fitted_on(fold, method.config)
        guard.check_dataset(fold, data)
        assert set(data.users.ids.tolist()) <= {r[0] for r in rows(fold.history)}
        assert len(data.histories.items) == len(rows(fold.history))


def test_a_source_without_times_refuses_a_cut_for_all(request):
    """No source of today lacks times; one that does is planted here."""
    from components.core.errors import ConfigError
    from components.steps.checks import _times

    class Timeless(SourceChoice):
        def open(self):
            source = super().open()
            source.has_times = False
            return source

    for name in METHODS:
        if SPLITS.get(name).needs_times:
            with pytest.raises(ConfigError, match=f"'{name}' cuts at one time.*leave_last_basket or leave_last_out"):
                _times(Timeless(), name)
        else:
            _times(Timeless(), name)
