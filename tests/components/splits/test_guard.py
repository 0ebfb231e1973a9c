"""Planted leaks: every way in which a target could be known is planted once, and the guard must find it."""

from dataclasses import replace
from datetime import datetime, timedelta

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import layout
from components.core import schema as s
from components.core.errors import DataError, LeakError
from components.splits import datasets, guard
from components.splits.methods.cold_items import ColdItems, ColdItemsConfig
from components.splits.methods.cold_users import ColdUsers, ColdUsersConfig
from components.splits.methods.leave_last_out import LeaveLastOut
from components.splits.methods.temporal import Temporal, TemporalConfig
from components.steps.split import split, split_by

START = datetime(2024, 1, 1)  # noqa: DTZ001 - canonical times are UTC without a zone
ALL_KEPT = {"min_users_per_item": 1, "min_items_per_user": 1}


@pytest.fixture(scope="module")
def interactions():
    """Twelve users who do something every other day, and never the same in one week."""
    events = [(f"u{u:02}", f"i{(3 * u + day) % 20:02}", START + timedelta(days=day)) for u in range(12)
              for day in range(0, 41, 2)]  # fmt: skip
    user, item, at = (list(column) for column in zip(*events, strict=True))
    columns = {s.USER_ID: user, s.ITEM_ID: item, s.TIMESTAMP: at, s.EVENT_TYPE: [s.PURCHASE] * len(events)}
    kinds = dict.fromkeys(columns, "string") | {s.TIMESTAMP: "timestamp(6)"}
    return ibis.memtable(columns, schema=kinds)


def assert_caught(folds, words):
    with pytest.raises(LeakError, match=words):
        guard.check_folds(folds)


@pytest.mark.slow
def test_sound_folds_pass(interactions):
    for splitter in (Temporal(), LeaveLastOut(), ColdUsers(), ColdItems(ColdItemsConfig(hold_out="share"))):
        guard.check_folds(splitter.folds(interactions))


def test_a_splitter_that_takes_the_cut_off_itself_into_the_history(interactions):
    class OneTooMany(Temporal):
        def _folds(self, events):
            everything, at = events.standing, events.standing[s.TIMESTAMP]
            return [replace(fold, history=everything.filter(at <= fold.cutoff)) for fold in super()._folds(events)]

    assert_caught(
        OneTooMany().folds(interactions), "test: 12 event.s. of the target are in the history of their own user"
    )
    assert_caught(
        OneTooMany().folds(interactions), "12 event.s. of the history happen at or after the cut-off 2024-02-06"
    )


def test_a_later_event_of_somebody_who_is_not_in_the_target(interactions):
    *_, fold = Temporal().folds(interactions)
    nobody_else = fold.target.filter(fold.target[s.USER_ID] == "u00")
    late = fold.target.filter(fold.target[s.USER_ID] == "u01")
    assert_caught(
        [replace(fold, target=nobody_else, history=fold.history.union(late))], "3 event.s. of the history happen at"
    )


def test_a_target_from_before_the_cut_off(interactions):
    *_, fold = Temporal().folds(interactions)
    early = fold.history.filter(fold.history[s.USER_ID] == "u00")
    kept = fold.history.filter(fold.history[s.USER_ID] != "u00")
    assert_caught(
        [replace(fold, history=kept, target=fold.target.union(early))], "of the target happen before the cut-off"
    )


def test_a_splitter_that_forgets_to_hide_the_test_from_the_validation(interactions):
    class Forgetful(LeaveLastOut):
        def _folds(self, events):
            validation, test = super()._folds(events)
            return [replace(validation, history=validation.history.union(test.target)), test]

    assert_caught(Forgetful().folds(interactions), "validation: 12 event.s. of test's target are in its history")
    assert_caught(Forgetful().folds(interactions), "happen after what their own user is asked about")


def test_a_splitter_that_asks_twice_for_the_same(interactions):
    validation, test = LeaveLastOut().folds(interactions)
    assert_caught([replace(validation, target=test.target), test], "12 event.s. of test's target are in its target")


def test_held_out_users_in_the_history(interactions):
    *_, fold = ColdUsers(ColdUsersConfig(users_share=0.3)).folds(interactions)
    assert_caught(
        [replace(fold, history=fold.history.union(fold.asked))], "of users held out of fitting are in the history"
    )


def test_held_out_items_in_the_history(interactions):
    *_, fold = ColdItems(ColdItemsConfig(hold_out="share", items_share=0.3)).folds(interactions)
    before = interactions.filter(interactions[s.TIMESTAMP] < fold.cutoff)
    assert_caught([replace(fold, history=before)], "of items held out of fitting are in the history")


def test_a_vocabulary_fitted_with_the_target(interactions):
    config = TemporalConfig(**ALL_KEPT)
    new_item = ibis.memtable(
        {s.USER_ID: ["new"], s.ITEM_ID: ["new"], s.TIMESTAMP: [START + timedelta(days=40)], s.EVENT_TYPE: [s.PURCHASE]},
        schema=interactions.schema(),
    )
    *_, fold = Temporal(config).folds(interactions.union(new_item))
    leaky = replace(fold, history=fold.history.union(fold.target), now=fold.now + timedelta(days=30))
    with pytest.raises(LeakError, match=r"1 user_id\(s\) of the vocabulary are not in the history; test: 1 item_id"):
        guard.check_dataset(fold, datasets.fitted_on(leaky, config))


def test_a_dataset_with_events_of_the_target_though_it_names_nobody_new(interactions):
    config = TemporalConfig(**ALL_KEPT)
    *_, fold = Temporal(config).folds(interactions)
    sound = datasets.fitted_on(fold, config)
    guard.check_dataset(fold, sound)
    leaky = replace(fold, history=fold.history.union(fold.target), now=fold.now + timedelta(days=30))
    with pytest.raises(LeakError, match="the dataset's 252 events are not the history's 216"):
        guard.check_dataset(fold, datasets.fitted_on(leaky, config))


class Forgetful(Temporal):
    """Takes everything into its histories."""

    def _folds(self, events):
        return [replace(fold, history=self.past(events.standing)) for fold in super()._folds(events)]


def test_the_split_step_stops_on_a_leak_and_keeps_what_was_there(interactions, tmp_path):
    clean = tmp_path / layout.CLEAN
    clean.mkdir(parents=True)
    pq.write_table(interactions.to_pyarrow(), clean / "interactions.parquet")
    config = TemporalConfig(**ALL_KEPT)
    split(config, tmp_path, 1)
    before = sorted((tmp_path / layout.SPLIT).rglob("*"))
    with pytest.raises(LeakError, match="nothing is written"):
        split_by(Forgetful(config), tmp_path)
    assert sorted((tmp_path / layout.SPLIT).rglob("*")) == before
    assert isinstance(pq.read_table(tmp_path / layout.SPLIT / "test" / "history.parquet"), pa.Table)


def test_the_split_step_stops_where_nobody_can_be_asked_and_keeps_what_was_there(tmp_path):
    """Everybody buys once: nobody who is known before a cut-off goes on to anything."""
    clean = tmp_path / layout.CLEAN
    clean.mkdir(parents=True)
    once = {s.USER_ID: [f"u{n}" for n in range(40)], s.ITEM_ID: [f"i{n % 3}" for n in range(40)]}
    once |= {s.TIMESTAMP: [START + timedelta(days=n) for n in range(40)], s.EVENT_TYPE: [s.PURCHASE] * 40}
    pq.write_table(pa.table(once), clean / "interactions.parquet")
    with pytest.raises(DataError, match=r"nobody can be asked in the validation fold: none of its .* users went"):
        split(TemporalConfig(**ALL_KEPT), tmp_path, 1)
    assert not (tmp_path / layout.SPLIT).exists()
