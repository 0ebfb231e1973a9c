"""Every cleaner on literal rows whose right answer is seen by eye."""

import random
import re
import uuid
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import schema
from components.core.config import parse
from components.core.errors import ConfigError, DataError
from components.core.registry import CLEANERS
from components.data import engine, imputer, parts, policy, reference, undone
from components.data.cleaner import Work

START = datetime(2024, 3, 1, 9)  # noqa: DTZ001 - canonical times are UTC without a zone


def at(day, minute=0.0):
    return START + timedelta(days=day, minutes=minute)


def event(user, item, kind, time, quantity=1.0, value=None, session=None, **more):
    return {
        "user_id": user, "item_id": item, "event_type": kind, "timestamp": time,
        "quantity": quantity, "value": value, "session_id": session, **more,
    }  # fmt: skip


def table(name, rows):
    """Canonical rows, columns that no row names missing."""
    kinds = {"string": pa.string(), "float64": pa.float64(), "int64": pa.int64(), "timestamp(6)": pa.timestamp("us")}
    columns = pa.schema([(c, kinds[schema.column_type(c)]) for c in schema.COLUMNS[name]])
    return pa.Table.from_pylist(rows, schema=columns)


def read(con, folder, content):
    """Any Arrow table as a table of the engine."""
    file = folder / f"{uuid.uuid4()}.parquet"
    pq.write_table(content, file)
    return engine.read_parquet(con, file)


@pytest.fixture(scope="module")
def con():
    connection = engine.connect(threads=1)
    yield connection
    connection.disconnect()


@pytest.fixture
def run(con, tmp_path):
    """Runs one cleaner: run(name, options, events, items) → (rows of interactions, rows of items, counts)."""

    def run(name, options, events, items=(), whole=False):

        def keep(label, expression):
            return con.create_table(f"{label}_{uuid.uuid4().hex}", expression)

        cls = CLEANERS.get(name)
        tables = {
            "interactions": read(con, tmp_path, table("interactions", events)),
            "items": read(con, tmp_path, table("items", list(items))),
        }
        work = Work(keep, tmp_path / "fitted", given={n: tuple(t.columns) for n, t in tables.items()})
        cleaned = cls(parse(cls.Config, options, name)).apply(tables, work)
        result = tables | dict(cleaned.tables)
        rows = {n: t.to_pyarrow().to_pylist() for n, t in result.items()}
        counts = {effect.metric: effect.count for effect in cleaned.effects}
        return (rows["interactions"], rows["items"], counts, cleaned) if whole else (
            rows["interactions"], rows["items"], counts,
        )  # fmt: skip

    return run


def test_every_cleaner_has_its_place_in_the_order():
    assert sorted(policy.ORDER) == CLEANERS.names()
    assert all(isinstance(CLEANERS.get(name).version, int) for name in policy.ORDER)


@pytest.mark.parametrize(
    ("cleaners", "words"),
    [
        ({"bot": {}}, "unknown cleaner 'bot'; did you mean 'bots'"),
        ({"guests": False}, "guests: it cannot be switched off"),
        ({"guests": {"policy": "keep"}}, "'policy': Input should be 'drop' or 'session', found 'keep'"),
        ({"sample": {"keep_one_in": 2}}, "unknown parameter 'keep_one_in'; did you mean 'keep_one_user_in'"),
        ({"outliers": {"rules": [{"column": "title"}]}}, "no number 'title' in interactions; one of value, quantity"),
        ({"missing": {"rules": [{"column": "title", "method": "median"}]}}, "median needs a number"),
        ({"missing": {"rules": [{"column": "item_id", "method": "mode"}]}}, "item_id cannot be filled, only dropped"),
        ({"missing": {"rules": [{"column": "price", "method": "constant"}]}}, "needs value: a number"),
        ({"missing": {"rules": [{"column": "price", "method": "median", "value": 1}]}}, "median takes no `value`"),
        ({"missing": {"rules": [{"column": "price", "method": "drop", "by": "brand"}]}}, "drop takes no `by`"),
        (
            {"missing": {"rules": [{"column": "price", "method": "drop", "indicator": True}]}},
            "no gap for an `indicator`",
        ),
        ({"units": {"conversions": [{"column": "value", "by": "price", "factors": {"c": 0.01}}]}}, "no text column"),
        ({"units": {"conversions": [{"column": "value", "by": "brand", "factors": {"c": -1}}]}}, "must lie above 0"),
    ],
)
def test_a_bad_option_is_refused_in_words(cleaners, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        policy.chosen(policy.CleanConfig(cleaners=cleaners))


def test_what_is_not_named_runs_by_default_and_false_switches_it_off():
    names = [c.component() for c in policy.chosen(policy.CleanConfig(cleaners={"texts": False, "bots": {}}))]
    assert "texts" not in names
    assert "bots" in names
    assert names == [name for name in policy.ORDER if name in names]
    assert "bots" not in [c.component() for c in policy.chosen(policy.CleanConfig())]


def test_rows_that_can_be_no_event_are_dropped_each_for_one_reason(run):
    events = [
        event("u", "tea", "purchase", at(0), 1, 2.0),
        event("u", "", "purchase", at(0)),
        event("u", "tea", "purchase", None),
        event(None, "tea", "view", at(0)),
        event(None, "tea", "view", at(0), session="s1"),  # a guest is an event
        event("u", "tea", "wave", at(0)),
        event("u", "tea", None, at(0)),
        event("u", "tea", "view", datetime(1970, 1, 1)),  # noqa: DTZ001
        event("u", "tea", "view", datetime(2031, 1, 1)),  # noqa: DTZ001
        event("u", "tea", "purchase", at(0), 0),
        event("u", "tea", "purchase", at(0), 1, -3.0),
        event("u", "tea", "rating", at(0), None, -3.0),  # some shops rate below zero
    ]
    options = {"earliest": "2000-01-01", "latest": "2030-01-01T00:00:00Z"}
    rows, _, counts = run("events", options, events)
    assert [r["event_type"] for r in rows] == ["purchase", "view", "rating"]
    assert {name.removeprefix("interactions_"): n for name, n in counts.items()} == {
        "without_item": 1, "without_time": 1, "without_anybody": 1, "of_unknown_type": 2,
        "at_impossible_times": 2, "of_nothing": 1, "of_negative_value": 1,
    }  # fmt: skip


def test_negative_zeros_become_zeros_and_are_counted(run):
    values = [-0.0, 0.0, -0.0, -1.5, None, float("nan")]
    events = [event("u", f"i{n}", "purchase", at(n), value=value) for n, value in enumerate(values)]
    rows, _, counts = run("types", {}, events)
    assert [str(row["value"]) for row in rows] == ["0.0", "0.0", "0.0", "-1.5", "None", "None"]
    assert counts == {"interactions_not_finite_value": 1, "interactions_negative_zero_value": 2}


def test_resent_views_go_and_two_lines_of_a_receipt_stay(run):
    events = [
        event("u", "tea", "view", at(0), session="a"),
        event("u", "tea", "view", at(0), session="a"),  # exact
        event("u", "tea", "view", at(0), session="b"),  # sent again with another session
        event(None, "tea", "view", at(0), session="c"),
        event(None, "tea", "view", at(0), session="d"),  # another guest
        event("u", "tea", "purchase", at(0), 1),
        event("u", "tea", "purchase", at(0), 2),
    ]
    rows, _, counts = run("duplicates", {}, events)
    assert sorted((r["event_type"], r["session_id"] or "", r["quantity"]) for r in rows) == [
        ("purchase", "", 1), ("purchase", "", 2), ("view", "a", 1), ("view", "c", 1), ("view", "d", 1),
    ]  # fmt: skip
    assert (counts["interactions_duplicates"], counts["interactions_resends"]) == (1, 1)
    rows, _, _ = run("duplicates", {"resent": ["purchase"], "keep_first_by": ["-quantity"]}, events)
    assert [r["quantity"] for r in rows if r["event_type"] == "purchase"] == [2]


def test_guests_are_dropped_or_become_users_of_their_session(run):
    events = [event("u", "tea", "view", at(0)), event(None, "tea", "view", at(0), session="s1")]
    rows, _, counts = run("guests", {}, events)
    assert ([r["user_id"] for r in rows], counts) == (["u"], {"interactions_guests_dropped": 1})
    rows, _, counts = run("guests", {"policy": "session"}, events)
    assert sorted(r["user_id"] for r in rows) == ["guest:s1", "u"]
    assert counts == {"interactions_guests_by_session": 1, "interactions_nobody_dropped": 0}
    nobody = event(None, "tea", "view", at(1), session=" ")
    rows, _, counts = run("guests", {"policy": "session"}, [*events, nobody])
    assert sorted(r["user_id"] for r in rows) == ["guest:s1", "u"]
    assert counts == {"interactions_guests_by_session": 1, "interactions_nobody_dropped": 1}


def test_a_robot_is_dropped_from_the_minute_in_which_it_shows(run):
    robot = [event("bot", f"i{n}", "click", at(1, n / 100)) for n in range(50)]
    before, after = event("bot", "tea", "purchase", at(0)), event("bot", "tea", "purchase", at(2))
    person = [event("u", f"i{n}", "click", at(1, n)) for n in range(50)]
    options = {"max_per_minute": 30, "max_same_item_per_minute": None}
    rows, _, counts = run("bots", options, [before, *robot, after, *person])
    assert [r["timestamp"] for r in rows if r["user_id"] == "bot"] == [at(0)]
    assert sum(r["user_id"] == "u" for r in rows) == 50
    assert counts == {"interactions_of_bots": 51, "interactions_bots": 1}
    rows, _, counts = run("bots", options | {"drop": "window"}, [before, *robot, after])
    assert sorted(r["timestamp"] for r in rows) == [at(0), at(2)]


def test_one_item_hit_again_and_again_is_a_robot_too(run):
    stuck = [event("u", "tea", "view", at(1, n / 60)) for n in range(20)]
    _, _, counts = run("bots", {"max_same_item_per_minute": 10}, stuck)
    assert counts["interactions_bots"] == 1
    _, _, counts = run("bots", {}, stuck)
    assert counts["interactions_bots"] == 0


def test_factors_convert_units_by_store_or_by_category(run):
    items = [{"item_id": "rice", "category": "BULK", "price": 2.0}, {"item_id": "tea", "category": "TEA"}]
    events = [
        event("u", "rice", "purchase", at(0), 1500, 300.0, store_id="cents"),
        event("u", "tea", "purchase", at(0), 2, 4.0, store_id="euro"),
    ]
    conversions = [
        {"column": "value", "by": "store_id", "factors": {"cents": 0.01}},
        {"column": "quantity", "by": "category", "factors": {"BULK": 0.001}},
        {"column": "price", "by": "category", "factors": {"BULK": 10}},
    ]
    rows, items, counts = run("units", {"conversions": conversions}, events, items)
    assert sorted((r["item_id"], r["quantity"], r["value"]) for r in rows) == [("rice", 1.5, 3.0), ("tea", 2, 4.0)]
    assert {r["item_id"]: r["price"] for r in items} == {"rice": 20.0, "tea": None}
    assert counts["interactions_converted_value_by_store_id"] == counts["items_converted_price_by_category"] == 1


def test_texts_are_repaired_and_counted_by_kind(run):
    items = [
        {"item_id": "1", "title": "ÖÐÎÄ", "category": "Salt &amp; Pepper", "brand": "\ufefftea"},
        {"item_id": "2", "title": "CrÃ¨me  brÃ»lÃ©e ", "category": "中文", "attributes": "{&amp;}"},
        {"item_id": "3", "title": "gone \ufffd"},
    ]
    _, rows, counts = run("texts", {}, [], items)
    found = {r["item_id"]: (r["title"], r["category"], r["brand"]) for r in rows}
    assert found == {
        "1": ("中文", "Salt & Pepper", "tea"), "2": ("Crème brûlée", "中文", None), "3": ("gone \ufffd", None, None),
    }  # fmt: skip
    assert counts == {
        "items_texts_encoding": 2, "items_texts_spaces": 1, "items_texts_entities": 1, "items_texts_marks": 1,
        "items_texts_lossy": 1,
    }  # fmt: skip
    assert next(r for r in rows if r["item_id"] == "2")["attributes"] == "{&amp;}"


def shelf(last=9.0):
    """Forty days of milk at about 1 and wine at about 20, with one absurd price each; the last day is `last`."""
    items = [{"item_id": "milk", "category": "DAIRY"}, {"item_id": "wine", "category": "WINE"}]
    events = [event("u", "milk", "purchase", at(d), 1, 1 + d % 5 / 10) for d in range(40)]
    events += [event("u", "wine", "purchase", at(d), 1, 20 + d % 5) for d in range(40)]
    odd = [event("u", "milk", "purchase", at(5), 2, 22.0), event("u", "wine", "purchase", at(5), 2, 22_000.0)]
    return [*events, *odd, event("u", "milk", "purchase", at(50), 1, last)], items


@pytest.mark.parametrize(
    ("method", "action", "expected"),
    [
        ({"method": "robust_z", "limit": 8}, "clip", [pytest.approx(1.2 + 8 * 1.4826 * 0.1), 22 + 8 * 1.4826]),
        ({"method": "robust_z", "limit": 8}, "missing", [None, None]),
        ({"method": "robust_z", "limit": 8}, "drop", []),
        ({"method": "robust_z", "limit": 8}, "report", [22.0, 22_000.0]),
        ({"method": "quantile", "low": 0.01, "high": 0.96}, "clip", [1.4, 24.0]),
    ],
)
def test_outliers_are_those_of_their_category(run, method, action, expected):
    events, items = shelf()
    rule = {"column": "value", "by": "category", "min_rows": 10, "action": action, **method}
    rows, _, counts = run("outliers", {"rules": [rule]}, events, items)
    odd = sorted((r["item_id"], r["value"]) for r in rows if r["quantity"] == 2)
    assert [value for _, value in odd] == expected
    assert counts["interactions_outliers_value"] == 3  # with the 9.0 of the last day
    assert counts["interactions_unfenced_value"] == 0


def test_what_the_test_window_holds_moves_no_fence_and_no_fill_of_a_history(run):
    items = [{"item_id": "milk", "category": "DAIRY"}, {"item_id": "wine", "category": "WINE"}]
    rules = [{"column": "value", "by": "category", "min_rows": 4, "action": "clip", "limit": 3}]
    fills = [{"table": "interactions", "column": "value", "method": "median", "by": "category"}]

    def history(last):
        events, _ = shelf(last)
        gap = event("u", "milk", "purchase", at(7), 3)
        late = [event("u", "milk", "purchase", at(46), 1, last + n / 7) for n in range(60)]
        found = []
        for name, options in (("outliers", {"rules": rules}), ("missing", {"rules": fills})):
            rows, _, _ = run(name, options, [*events, gap, *late], items)
            found += sorted((r["item_id"], r["timestamp"], r["value"] or -1) for r in rows if r["timestamp"] < at(40))
        return found

    assert history(1.0) == history(9_999.0)


def test_gaps_are_dropped_filled_or_carried_forward(run):
    items = [
        {"item_id": "a", "category": "X", "price": 1.0, "brand": "one"},
        {"item_id": "b", "category": "X", "price": 4.0, "brand": "one"},
        {"item_id": "c", "category": "Y", "price": 9.0, "brand": "two"},
        {"item_id": "d", "category": "X", "brand": " "},
        {"item_id": "e", "category": "Z"},
    ]
    sold = [event("u", i, "purchase", at(d), 1, v) for i in "abc" for d, v in ((0, 5.0), (1, None), (9, 7.0))]

    def prices(rule):
        _, rows, counts = run("missing", {"rules": [rule]}, sold, items)
        return {r["item_id"]: r[rule["column"]] for r in rows}, counts

    assert prices({"column": "price", "method": "drop"})[0] == {"a": 1, "b": 4, "c": 9}
    assert prices({"column": "price", "method": "constant", "value": 0.5})[0]["d"] == 0.5
    found, counts = prices({"column": "price", "method": "median", "by": "category"})
    assert (found["d"], found["e"]) == (2.5, 4.0)  # of X; of all, for Z has none
    assert counts == {"items_missing_price_filled": 2, "items_missing_price_left": 0}
    assert prices({"column": "brand", "method": "mode"})[0] == {
        "a": "one",
        "b": "one",
        "c": "two",
        "d": "one",
        "e": "one",
    }
    rule = {"table": "interactions", "column": "value", "method": "forward_fill", "indicator": True}
    rows, _, _ = run("missing", {"rules": [rule]}, sold, items)
    of_a = sorted((r["timestamp"], r["value"], r["value_missing"]) for r in rows if r["item_id"] == "a")
    assert [row[1:] for row in of_a] == [(5.0, False), (5.0, True), (7.0, False)]


def test_a_learned_fill_reads_the_price_off_the_words_and_is_stored_without_pickle(run, tmp_path):
    kinds = {"tea": 3.0, "wine": 20.0, "lamp": 80.0}
    items = [
        {"item_id": f"{kind}{n}", "title": f"{kind} number {n}", "price": price + n % 3}
        for kind, price in kinds.items() for n in range(40)
    ] + [{"item_id": f"new {kind}", "title": f"a {kind}"} for kind in kinds]  # fmt: skip
    sold = [event("u", i["item_id"], "purchase", at(d)) for i in items for d in (0, 9)]
    rule = {"column": "price", "method": "learned", "learn_from": ["title"]}
    _, rows, counts, cleaned = run("missing", {"rules": [rule]}, sold, items, whole=True)
    found = {r["item_id"]: r["price"] for r in rows}
    for kind, price in kinds.items():
        assert found[f"new {kind}"] == pytest.approx(price + 1, rel=0.15)
    assert counts["items_missing_price_filled"] == 3
    assert "the model fills the gaps" in cleaned.notes[0]
    folder = tmp_path / "fitted" / "items.price"
    model = imputer.Imputer.load(folder)
    assert model.predict([{"title": "a lamp"}], ["title"]) == [found["new lamp"]]
    assert not any(b"\x80\x04" in file.read_bytes()[:2] for file in folder.iterdir())


def test_statistics_refuse_a_cut_off_that_lies_before_their_end(tmp_path):
    reference.check_cutoff(tmp_path, at(0))  # nothing was taken
    reference.write_reference(tmp_path, at(10))
    reference.check_cutoff(tmp_path, at(10))
    with pytest.raises(DataError, match=r"lies before 2024-03-11.*lower clean.reference_share"):
        reference.check_cutoff(tmp_path, at(9))


def test_a_table_of_parts_reads_as_one_and_says_when_it_is_there_twice(con, tmp_path):
    (tmp_path / "interactions").mkdir()
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "interactions" / "day1.parquet")
    pq.write_table(pa.table({"a": [2], "c": [0.5]}), tmp_path / "interactions" / "day2.parquet")
    pq.write_table(pa.table({"a": [3]}), tmp_path / "items.parquet")
    assert parts.table_names(tmp_path) == ["interactions", "items"]
    rows = parts.read_table(con, tmp_path, "interactions").order_by("a").to_pyarrow().to_pylist()
    assert rows == [{"a": 1, "b": "x", "c": None}, {"a": 2, "b": None, "c": 0.5}]
    pq.write_table(pa.table({"a": [3]}), tmp_path / "interactions.parquet")
    with pytest.raises(DataError, match="both as a file and as a folder of parts"):
        parts.table_names(tmp_path)


def standing(rows):
    """(user, item, day, quantity) of purchases that were not undone, sorted."""
    return sorted(
        (r["user_id"], r["item_id"], (r["timestamp"] - START).days, r["quantity"])
        for r in rows
        if r.get(undone.UNDONE_AT) is None
    )


def test_a_cancellation_takes_the_latest_earlier_purchase_with_enough_left(run):
    events = [
        event("u", "lamp", "purchase", at(0), 5, 50.0),
        event("u", "lamp", "purchase", at(1), 2, 20.0),
        event("u", "lamp", "cancellation", at(2), 3, 30.0),  # the purchase of day 1 is too small
        event("u", "lamp", "purchase", at(3), 3, 30.0),  # later, so not this one
        event("u", "chair", "purchase", at(1), 3, 99.0),  # another item
        event("v", "lamp", "purchase", at(1), 3, 30.0),  # another user
    ]
    rows, _, counts = run("cancellations", {}, events)
    assert standing(rows) == [
        ("u", "chair", 1, 3), ("u", "lamp", 0, 2), ("u", "lamp", 1, 2), ("u", "lamp", 3, 3), ("v", "lamp", 1, 3),
    ]  # fmt: skip
    left = next(r for r in rows if r["item_id"] == "lamp" and r["quantity"] == 2 and r["value"] == 20.0)
    assert left["event_type"] == "purchase"
    assert counts == {
        "interactions_cancellations_matched": 1,
        "interactions_cancellations_unmatched": 0,
        "interactions_purchases_cancelled": 0,
        "interactions_purchases_reduced": 1,
    }


def test_a_partial_cancellation_takes_the_same_share_of_value_and_discounts(run):
    bought = event("u", "tea", "purchase", at(0), 4, 10.0, discount=2.0, coupon_discount=1.0)
    rows, _, _ = run("cancellations", {}, [bought, event("u", "tea", "cancellation", at(1), 1)])
    (rest,) = [r for r in rows if r[undone.UNDONE_AT] is None]
    (gone,) = [r for r in rows if r[undone.UNDONE_AT] is not None]
    assert [rest[c] for c in undone.AMOUNTS] == [3, 7.5, 1.5, 0.75]
    assert [gone[c] for c in undone.AMOUNTS] == [1, 2.5, 0.5, 0.25]
    assert gone[undone.UNDONE_AT] == at(1)


def test_cancellations_without_a_purchase_are_counted_and_dropped(run):
    events = [
        event("u", "lamp", "cancellation", at(0), 1),  # before the purchase
        event("u", "lamp", "purchase", at(1), 2, 20.0),
        event("u", "lamp", "cancellation", at(2), 3),  # more than was bought
        event("u", "lamp", "cancellation", at(3), 2),
        event("u", "lamp", "cancellation", at(4), 1),  # nothing is left
        event("u", "lamp", "view", at(4)),
    ]
    rows, _, counts = run("cancellations", {}, events)
    assert standing(rows) == [("u", "lamp", 4, 1)]
    assert counts["interactions_cancellations_unmatched"] == 3
    assert counts["interactions_purchases_cancelled"] == 1


def test_many_cancellations_match_as_one_by_one_in_the_order_of_their_times(run):
    draw = random.Random(7)
    events = [
        event(
            draw.choice("abcdefgh"), draw.choice("xyz"), draw.choice(["purchase", "purchase", "cancellation"]),
            at(day), draw.randint(1, 4), 12.0,
        )
        for day in range(700)
    ]  # fmt: skip
    rows, _, counts = run("cancellations", {}, events)
    expected, unmatched = one_by_one(events)
    assert standing(rows) == expected
    assert counts["interactions_cancellations_unmatched"] == unmatched


def one_by_one(events):
    """The same rule with a stack of receipts per user and item."""
    bought, unmatched = {}, 0
    for e in events:
        receipts = bought.setdefault((e["user_id"], e["item_id"]), [])
        if e["event_type"] == "purchase":
            receipts.append([(e["timestamp"] - START).days, e["quantity"]])
            continue
        fitting = [r for r in receipts if r[1] >= e["quantity"]]
        if fitting:
            fitting[-1][1] -= e["quantity"]
        unmatched += not fitting
    return sorted((*pair, day, left) for pair, rs in bought.items() for day, left in rs if left), unmatched


def test_a_history_holds_what_was_cancelled_after_its_cut_off(run, con, tmp_path):
    events = [
        event("u", "lamp", "purchase", at(0), 4, 40.0, session="b1"),
        event("u", "lamp", "cancellation", at(2), 1),
        event("u", "lamp", "cancellation", at(8), 3),
        event("u", "tea", "purchase", at(1), 1, 5.0, session="b2"),
        event("u", "tea", "cancellation", at(3), 1),
        event("u", "milk", "purchase", at(1), 1, 2.0, session="b2"),
    ]
    rows, _, _ = run("cancellations", {}, events)
    columns = {name: [r[name] for r in rows] for name in rows[0]}
    marked = read(con, tmp_path, typed_with_undone(columns))
    clean, gone = undone.parted(marked)

    def known(day):
        found = undone.as_of(clean, gone, at(day)).to_pyarrow().to_pylist()
        return sorted((r["item_id"], r["quantity"], r["value"]) for r in found)

    assert known(1.5) == [("lamp", 4, 40.0), ("milk", 1, 2.0), ("tea", 1, 5.0)]
    assert known(2.5) == [("lamp", 3, 30.0), ("milk", 1, 2.0), ("tea", 1, 5.0)]
    assert known(5) == [("lamp", 3, 30.0), ("milk", 1, 2.0)]
    assert known(9) == [("milk", 1, 2.0)]


def typed_with_undone(columns):
    kinds = {"string": pa.string(), "float64": pa.float64(), "timestamp(6)": pa.timestamp("us")}
    names = schema.INTERACTIONS
    arrays = {c: pa.array(columns[c], kinds[schema.column_type(c)]) for c in names}
    return pa.table(arrays | {undone.UNDONE_AT: pa.array(columns[undone.UNDONE_AT], pa.timestamp("us"))})
