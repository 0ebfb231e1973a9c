"""Each method on tables so small that every fold can be read off by eye."""

from datetime import datetime, timedelta

import ibis
import pytest

from components.core import layout
from components.core import schema as s
from components.core.config import parse
from components.core.errors import ConfigError, DataError
from components.splits.cutoffs import windows
from components.splits.methods.cold_items import ColdItems, ColdItemsConfig
from components.splits.methods.cold_users import ColdUsers, ColdUsersConfig
from components.splits.methods.leave_last_basket import LeaveLastBasket, LeaveLastBasketConfig
from components.splits.methods.leave_last_out import LeaveLastOut
from components.splits.methods.rolling import Rolling, RollingConfig
from components.splits.methods.sessions import Sessions
from components.splits.methods.temporal import Temporal, TemporalConfig
from components.splits.splitter import SplitConfig

START = datetime(2024, 1, 1)  # noqa: DTZ001 - canonical times are UTC without a zone


def shop(*events):
    """Interactions of (user, item, day) or (user, item, day, event type) or (…, session)."""
    rows = [(*event, *(s.PURCHASE, None)[len(event) - 3 :]) for event in events]
    columns = {s.USER_ID: [], s.ITEM_ID: [], s.TIMESTAMP: [], s.EVENT_TYPE: [], s.SESSION_ID: []}
    for user, item, day, kind, session in rows:
        for column, value in zip(columns, (user, item, START + timedelta(days=day), kind, session), strict=True):
            columns[column].append(value)
    types = dict.fromkeys(columns, "string") | {s.TIMESTAMP: "timestamp(6)"}
    return ibis.memtable(columns, schema=types)


def told(table):
    """User, item and day of every event, sorted, as short texts: "a:milk:3"."""
    rows = table.select(s.USER_ID, s.ITEM_ID, s.TIMESTAMP).to_pyarrow().to_pylist()
    return sorted(f"{r[s.USER_ID]}:{r[s.ITEM_ID]}:{(r[s.TIMESTAMP] - START).total_seconds() / 86400:g}" for r in rows)


def folds(splitter, *events):
    return {fold.name: fold for fold in splitter.folds(shop(*events))}


TWENTY_DAYS = [("a", f"i{day}", day) for day in range(21)]


def test_temporal_cuts_at_midnight_by_shares_of_the_time():
    validation, test = windows(START, START + timedelta(days=100), TemporalConfig())
    assert (validation.cutoff, test.cutoff) == (START + timedelta(days=80), START + timedelta(days=90))


def test_who_learns_before_the_validation_has_a_window_there_as_long_as_it():
    earlier, validation, test = windows(START, START + timedelta(days=100), TemporalConfig(earlier=True))
    assert [w.name for w in (earlier, validation, test)] == [layout.EARLIER_FOLD, *layout.FOLDS]
    assert (earlier.cutoff, earlier.end) == (START + timedelta(days=70), START + timedelta(days=80))
    assert [validation, test] == windows(START, START + timedelta(days=100), TemporalConfig())
    with pytest.raises(DataError, match="less than a day"):
        windows(START, START + timedelta(days=4), TemporalConfig(test_share=0.3, validation_share=0.3, earlier=True))


def test_one_event_of_a_mistyped_year_stops_a_split_by_time_and_is_pointed_at():
    daily = [(f"u{n}", "milk", day) for n in range(20) for day in range(100)]
    with pytest.raises(DataError, match=r"validation, from 2024-12-18 to 2025-01-31, holds 0 events.*2025-03-16"):
        Temporal().folds(shop(*daily, ("u1", "milk", 440)))
    with pytest.raises(DataError, match=r"times near these two days.* in the loop, art.*in params\.yaml; leave_last"):
        Temporal().folds(shop(*daily, ("u1", "milk", 440)))
    with pytest.raises(DataError, match=r"history, from 2020-02-11 .* holds 1 events"):
        Temporal().folds(shop(*daily, ("u1", "milk", -1420)))
    assert len(Temporal(TemporalConfig(least_filled=0)).folds(shop(*daily, ("u1", "milk", 440)))) == 2
    assert len(Temporal().folds(shop(*daily))) == 2


def test_temporal_hands_the_validation_target_on_to_the_test_history():
    found = folds(Temporal(), *TWENTY_DAYS)
    validation, test = found["validation"], found["test"]
    assert told(validation.target) == ["a:i16:16", "a:i17:17"]
    assert told(test.target) == ["a:i18:18", "a:i19:19", "a:i20:20"]
    assert set(told(validation.target)) <= set(told(test.history))
    assert (validation.now, test.now) == (START + timedelta(days=16), START + timedelta(days=18))


def test_a_span_too_short_to_cut_says_so():
    with pytest.raises(DataError, match="bring more days"):
        windows(START, START + timedelta(days=5), TemporalConfig())


def test_rolling_windows_follow_each_other_without_a_gap_and_end_with_the_data():
    found = folds(Rolling(RollingConfig(windows=3, window_days=2)), *TWENTY_DAYS)
    assert list(found) == ["window_1", *layout.FOLDS]
    assert [told(fold.target) for fold in found.values()] == [
        ["a:i15:15", "a:i16:16"],
        ["a:i17:17", "a:i18:18"],
        ["a:i19:19", "a:i20:20"],
    ]
    assert [len(told(fold.history)) for fold in found.values()] == [15, 17, 19]


def test_a_rolling_history_may_be_bounded():
    found = folds(Rolling(RollingConfig(windows=2, window_days=2, history_days=3)), *TWENTY_DAYS)
    assert told(found["test"].history) == ["a:i16:16", "a:i17:17", "a:i18:18"]


def test_rolling_windows_that_leave_no_history_say_so():
    with pytest.raises(
        DataError, match=r"less than a day after the first event \(2024-01-01\); choose fewer or shorter"
    ):
        folds(Rolling(RollingConfig(windows=3, window_days=7)), *TWENTY_DAYS)


def test_leave_last_out_asks_about_the_last_and_the_last_but_one_event():
    found = folds(LeaveLastOut(), ("a", "x", 1), ("a", "y", 2), ("a", "z", 3), ("b", "x", 9), ("b", "y", 10))
    validation, test = found["validation"], found["test"]
    assert (told(validation.target), told(test.target)) == (["a:y:2"], ["a:z:3"])
    assert told(test.history) == ["a:x:1", "a:y:2", "b:x:9", "b:y:10"], "b has too few events to be asked"
    assert told(validation.history) == ["a:x:1", "b:x:9", "b:y:10"], "the test's target is in nobody's history"
    assert test.now == validation.now == START + timedelta(days=10, seconds=1)


def test_who_has_two_events_may_be_asked_about_the_last_and_is_in_no_other_target():
    events = [("a", "x", 1), ("a", "y", 2), ("a", "z", 3), ("b", "x", 9), ("b", "y", 10), ("c", "x", 4)]
    found = folds(LeaveLastOut(LeaveLastOut.Config(min_turns=2)), *events)
    validation, test = found["validation"], found["test"]
    assert (told(validation.target), told(test.target)) == (["a:y:2"], ["a:z:3", "b:y:10"])
    assert told(test.history) == ["a:x:1", "a:y:2", "b:x:9", "c:x:4"]
    assert told(validation.history) == ["a:x:1", "b:x:9", "c:x:4"], "the test's target is in nobody's history"


def test_a_turn_before_the_validations_is_asked_of_who_has_it_and_knows_nothing_of_what_is_asked_later():
    events = [(user, item, day) for user, n in (("a", 4), ("b", 3), ("c", 2)) for day, item in enumerate("wxyz"[:n])]
    found = folds(LeaveLastOut(LeaveLastOut.Config(min_turns=2, earlier=True)), *events)
    assert list(found) == [layout.EARLIER_FOLD, *layout.FOLDS]
    targets = {name: told(fold.target) for name, fold in found.items()}
    assert targets["test"] == ["a:z:3", "b:y:2", "c:x:1"] and targets["validation"] == ["a:y:2", "b:x:1"]
    assert targets[layout.EARLIER_FOLD] == ["a:x:1"]
    assert told(found[layout.EARLIER_FOLD].history) == ["a:w:0", "b:w:0", "c:w:0"]


def test_leave_last_out_orders_events_of_one_time_by_item_and_keeps_equal_ones_together():
    events = [("a", "x", 1), ("a", "y", 2), ("a", "p", 3), ("a", "q", 3), ("a", "q", 3)]
    test = folds(LeaveLastOut(), *events)["test"]
    assert told(test.target) == ["a:q:3", "a:q:3"]
    assert told(test.history) == ["a:p:3", "a:x:1", "a:y:2"]


def test_views_before_the_purchase_asked_about_are_known_and_later_ones_are_not():
    splitter = LeaveLastOut(LeaveLastOut.Config(target_events=("purchase",)))
    purchases = [("a", "x", 1), ("a", "y", 3), ("a", "z", 5)]
    views = [("a", "z", 4, "view"), ("a", "w", 6, "view"), ("a", "z", 5, "view")]
    test = folds(splitter, *purchases, *views)["test"]
    assert told(test.target) == ["a:z:5"]
    assert told(test.history) == ["a:x:1", "a:y:3", "a:z:4"]


def test_leave_last_basket_asks_about_whole_baskets():
    events = [("a", "x", 1), ("a", "y", 1), ("a", "x", 2), ("a", "p", 3), ("a", "q", 3)]
    found = folds(LeaveLastBasket(), *events)
    assert told(found["test"].target) == ["a:p:3", "a:q:3"]
    assert told(found["validation"].target) == ["a:x:2"]
    assert told(found["validation"].history) == ["a:x:1", "a:y:1"]


def test_a_session_is_one_basket_however_long_it_lasts():
    clicks = [("a", "x", 1, "click", "1"), ("a", "y", 2, "click", "2"), ("a", "z", 3, "click", "3")]
    clicks += [("a", "w", 4, "click", "3"), ("a", "v", 3.5, "click", "2")]
    test = folds(LeaveLastBasket(), *clicks)["test"]
    assert told(test.target) == ["a:w:4", "a:z:3"]
    assert told(test.history) == ["a:x:1", "a:y:2"], "what another tab did after the last basket began is not told"


def test_nobody_to_ask_says_so():
    with pytest.raises(DataError, match="no user has 5 events or baskets"):
        folds(LeaveLastBasket(LeaveLastBasketConfig(min_turns=5)), ("a", "x", 1), ("a", "y", 2))


def test_cold_users_are_in_no_history_and_their_past_is_told_when_they_are_asked():
    events = [(f"u{u:02}", "x", day) for u in range(60) for day in range(21)]
    found = folds(ColdUsers(ColdUsersConfig(users_share=0.2)), *events)
    users = {name: {t.split(":")[0] for t in told(fold.target)} for name, fold in found.items()}
    fitted = {name: {t.split(":")[0] for t in told(fold.history)} for name, fold in found.items()}
    assert not users["validation"] & users["test"]
    assert not (users["validation"] | users["test"]) & fitted["validation"], "the test's users are unknown to both"
    assert users["validation"] <= fitted["test"]
    assert {t.split(":")[0] for t in told(found["test"].asked)} == users["test"]
    assert 4 <= len(users["test"]) <= 22


def test_items_first_seen_in_the_window_are_cold_and_listed():
    events = [*TWENTY_DAYS, ("b", "i3", 19), ("b", "new", 19), ("c", "new", 20)]
    test = folds(ColdItems(), *events)["test"]
    assert told(test.target) == ["a:i18:18", "a:i19:19", "a:i20:20", "b:new:19", "c:new:20"]
    assert sorted(test.listed.to_pyarrow()[s.ITEM_ID].to_pylist()) == ["i18", "i19", "i20", "new"]


def test_a_share_of_the_items_may_be_held_out_instead():
    events = [("a", f"i{item}", day) for item in range(40) for day in range(21)]
    found = folds(ColdItems(ColdItemsConfig(hold_out="share", items_share=0.2)), *events)
    targets = {name: {t.split(":")[1] for t in told(fold.target)} for name, fold in found.items()}
    assert targets["test"] and targets["validation"] and not targets["test"] & targets["validation"]
    known = {t.split(":")[1] for t in told(found["validation"].history)}
    assert not known & (targets["test"] | targets["validation"])


def test_cancellations_guests_and_uncounted_events_are_in_neither_part():
    odd = [("a", "x", 19, "cancellation"), (None, "x", 19), ("a", "v", 2, "view")]
    splitter = Temporal(TemporalConfig(history_events=("purchase",), target_events=("purchase",)))
    test = folds(splitter, *TWENTY_DAYS, *odd)["test"]
    assert sorted(told(test.history) + told(test.target)) == told(shop(*TWENTY_DAYS))


def test_no_event_of_the_types_that_count_says_so():
    with pytest.raises(DataError, match=r"split\.target_events"):
        folds(Temporal(TemporalConfig(history_events=("view",), target_events=("view",))), *TWENTY_DAYS)


def test_the_section_takes_the_options_of_the_method_it_names():
    config = parse(SplitConfig, {"method": "rolling", "windows": 3}, "params.yaml: split")
    assert (type(config), config.windows) == (RollingConfig, 3)
    assert type(parse(SplitConfig, {}, "params.yaml: split")) is TemporalConfig


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"method": "rolling", "test_share": 0.1}, "params.yaml: split: unknown parameter 'test_share'"),
        ({"tset_share": 0.1}, "did you mean 'test_share'"),
        ({"method": "randomly"}, "unknown split method 'randomly'; known: cold_items, cold_users"),
        ({"method": ["rolling"]}, "unknown split method"),
        ({"target_events": ["cancellation"]}, "target_events"),
        ({"target_events": []}, "at least 1"),
        ({"method": "cold_users", "users_share": 0.5}, "users_share"),
    ],
)
def test_options_of_no_method_or_of_another_are_refused(values, words):
    with pytest.raises(ConfigError, match=words):
        parse(SplitConfig, values, "params.yaml: split")


def test_sessions_are_asked_about_their_last_event_and_those_before_the_cutoff_are_fitted_on_whole():
    visits = [(day, f"s{day}") for day in (0, 5, 17, 19)]
    events = [("a", item, day + at, s.VIEW, name) for day, name in visits for at, item in ((0.1, "x"), (0.2, "y"))]
    found = folds(Sessions(), *events, ("a", "z", 20, s.VIEW, "short"), ("b", "w", 20, s.VIEW, None))
    validation, test = found["validation"], found["test"]
    assert told(validation.history) == ["s0:x:0.1", "s0:y:0.2", "s5:x:5.1", "s5:y:5.2"]
    assert (told(validation.asked), told(validation.target)) == (["s17:x:17.1"], ["s17:y:17.2"])
    assert (told(test.asked), told(test.target)) == (["s19:x:19.1"], ["s19:y:19.2"]), "short and guests are not asked"
    assert told(test.history) == sorted([*told(validation.history), "s17:x:17.1", "s17:y:17.2"])


def test_visitors_who_sign_in_late_or_never_are_whole_sessions():
    visits = [(day, f"s{day}") for day in (0, 5, 16, 19)]
    users = {"x": None, "y": None, "z": "a"}  # signed in at the third event
    events = [
        (user, item, day + n / 10, s.VIEW, name) for day, name in visits for n, (item, user) in enumerate(users.items())
    ]
    test = folds(Sessions(), *events)["test"]
    assert (told(test.asked), told(test.target)) == (["s19:x:19", "s19:y:19.1"], ["s19:z:19.2"])
    assert [e for e in told(test.history) if e.startswith("s0")] == ["s0:x:0", "s0:y:0.1", "s0:z:0.2"]
    nobody = folds(Sessions(), *[(None, *event[1:]) for event in events])["test"]
    assert (told(nobody.asked), told(nobody.target)) == (told(test.asked), told(test.target))


def test_a_session_across_the_cutoff_is_fitted_on_by_nobody_before_it_ends():
    events = [("a", "x", 0, s.VIEW, "s0"), ("a", "y", 1, s.VIEW, "s0"), ("a", "x", 17, s.VIEW, "v")]
    across = [("a", "p", 17.9, s.VIEW, "across"), ("a", "q", 18.1, s.VIEW, "across"), ("a", "z", 20, s.VIEW, "end")]
    found = folds(Sessions(), *events, ("a", "y", 17.1, s.VIEW, "v"), *across)
    assert told(found["test"].asked) == ["across:p:17.9"]
    assert not [e for fold in found.values() for e in told(fold.history) if e.startswith("across")]


def test_sessions_that_begin_anew_with_every_user_are_refused_and_a_few_shared_ones_are_not():
    visits = [(user, item, day, s.VIEW, f"{day}") for user in "abc" for item in "xy" for day in (0, 5, 16, 19)]
    with pytest.raises(DataError, match="4 of 4 session ids belong to several users each"):
        folds(Sessions(), *visits)
    nobody = [(None, item, day + n, s.VIEW, session) for n, (_, item, day, _, session) in enumerate(visits)]
    with pytest.raises(DataError, match="4 of 4 session ids last longer than a day each, without a user"):
        folds(Sessions(), *nobody)
    whole = [(user, item, day, s.VIEW, f"{user}-{session}") for user, item, day, _, session in visits]
    assert folds(Sessions(), *whole, ("a", "z", 0, s.VIEW, "b-0"))


def test_a_shop_without_sessions_is_told_so():
    with pytest.raises(DataError, match="purchase, rating, view with a session_id count"):
        folds(Sessions(), *TWENTY_DAYS)
