"""The split's promise: nothing at or after a cut-off reaches the history."""

from datetime import datetime, timedelta

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.core.dataset import Dataset
from components.core.errors import DataError
from components.splits import store
from components.splits.temporal import SplitConfig, Window, dense, history, span, target, windows

START = datetime(2024, 1, 1)  # noqa: DTZ001 - canonical times are UTC without a zone
CONFIG = SplitConfig(min_users_per_item=1, min_items_per_user=1)


def table(rows):
    return ibis.memtable(pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]))


@given(st.lists(st.integers(0, 99 * 24), min_size=2, max_size=60), st.floats(0.05, 0.3), st.floats(0.05, 0.3))
@settings(max_examples=30, deadline=None)
def test_no_event_lies_on_both_sides_of_a_cutoff_and_none_is_lost(hours, test_share, validation_share):
    hours += [0, 100 * 24]
    events = [("u", str(i), START + timedelta(hours=h)) for i, h in enumerate(hours)]
    interactions = table(events)
    config = SplitConfig(test_share=test_share, validation_share=validation_share)
    validation, test = windows(*span(interactions), config)
    assert validation.end == test.cutoff
    for window in (validation, test):
        past, later = history(interactions, window).to_pandas(), target(interactions, window).to_pandas()
        assert (past.timestamp < window.cutoff).all()
        assert (later.timestamp >= window.cutoff).all()
    assert len(past) + len(later) == len(events), "the test fold holds every event once"


def test_cutoffs_fall_on_midnight_and_follow_the_shares():
    validation, test = windows(START, START + timedelta(days=100), SplitConfig())
    assert (validation.cutoff, test.cutoff) == (START + timedelta(days=80), START + timedelta(days=90))


def test_a_span_too_short_to_cut_says_so():
    with pytest.raises(DataError, match="bring more days"):
        windows(START, START + timedelta(days=5), SplitConfig())


def test_an_empty_table_says_so():
    with pytest.raises(DataError, match="empty"):
        span(table([("u", "i", START)]).filter(ibis.literal(False)))


def test_rare_items_go_first_and_then_users_left_with_too_few():
    rows = [
        ("a", "x", START),
        ("b", "x", START),
        ("a", "y", START),
        ("b", "y", START),
        ("c", "z", START),
        ("c", "x", START),
    ]
    kept = dense(table(rows), SplitConfig(min_users_per_item=2, min_items_per_user=2)).to_pandas()
    assert sorted(map(tuple, kept[["user_id", "item_id"]].to_numpy())) == [
        ("a", "x"),
        ("a", "y"),
        ("b", "x"),
        ("b", "y"),
    ]


def test_a_planted_leak_is_refused_by_the_dataset():
    with pytest.raises(DataError, match="cut-off"):
        Dataset.from_events(np.array(["a"]), np.array(["x"]), np.array([10]), now=10)


def test_dataset_and_target_survive_the_disk(tmp_path):
    cutoff = START + timedelta(days=1)
    rows = [("a", "x", START), ("a", "y", START), ("b", "x", START)]
    data = store.build_dataset(table(rows), Window("test", cutoff, cutoff), CONFIG)
    store.save_dataset(tmp_path / "dataset", data)
    back = store.load_dataset(tmp_path / "dataset")
    assert back.items == data.items
    assert back.histories.items.tolist() == [0, 1, 0]
    assert back.now == int((cutoff - datetime(1970, 1, 1)).total_seconds())  # noqa: DTZ001
    later = [("a", "y", cutoff), ("a", "y", cutoff), ("a", "new item", cutoff), ("new user", "x", cutoff)]
    table(later).to_parquet(tmp_path / "target.parquet")
    found = store.load_target(tmp_path / "target.parquet", back)
    assert (found.rows.tolist(), found.items.tolist()) == ([0], [1])
    assert (found.outside, found.unknown_users) == (1, 1)
