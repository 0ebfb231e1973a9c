"""Column mapping: what is read, and in which words what cannot be read is told."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import ibis
import pyarrow as pa
import pytest

from components.core.config import parse
from components.core.errors import ConfigError, DataError
from components.data import engine
from components.data.mapping import clock
from components.data.mapping.changes import counted
from components.data.mapping.numbers import NumberFormat, read_integer, read_number
from components.data.mapping.reading import in_stages, problem, value
from components.data.mapping.table_mapping import TableMapping, canonical, check_mapping
from components.data.mapping.times import TimeFormat, read_time


@pytest.fixture(scope="module")
def con():
    connection = engine.connect()
    yield connection
    connection.disconnect()


def read(con, values, stages, kind="string"):
    """(value, problem) of each raw value."""
    name = f"t{abs(hash((tuple(map(str, values)), id(stages))))}"
    arrow = ibis.schema({"i": "int64", "raw": kind}).to_pyarrow()  # through pandas NaN would be null
    rows = con.create_table(name, ibis.memtable(pa.table([range(len(values)), values], schema=arrow)))
    out = con.to_pyarrow(in_stages(rows, [stages], name).order_by("i")).to_pylist()
    return [(row[value("x")], row[problem("x")]) for row in out]


def utc(*parts):
    return datetime(*parts)  # noqa: DTZ001 - canonical times are UTC without a zone


def test_iso_times_come_to_utc_and_what_never_was_is_told(con):
    form = TimeFormat(zone="Europe/Berlin")
    told = read(con, [
        "2024-07-01 12:00", "2024-07-01T12:00:00.25", "2024-07-01T12:00:00Z", "2024-07-01 12:00:00-05:30",
        "2024-01-01", "2024-03-31 02:30:00", "2024-10-27 02:30:00", "2024-02-31", "1970-01-01", "soon", "", None,
    ], read_time("raw", "x", form))  # fmt: skip
    assert told == [
        (utc(2024, 7, 1, 10), None),
        (utc(2024, 7, 1, 10, 0, 0, 250000), None),
        (utc(2024, 7, 1, 12), None),
        (utc(2024, 7, 1, 17, 30), None),
        (utc(2023, 12, 31, 23), None),
        (None, "x: '2024-03-31 02:30:00' does not exist at the clock of Europe/Berlin"),
        (utc(2024, 10, 27, 0, 30), None),
        (None, "x: '2024-02-31' is not a time written as iso"),
        (None, "x: '1970-01-01' lies outside 1990-01-01 to 2050-01-01"),
        (None, "x: 'soon' is not a time written as iso"),
        (None, None),
        (None, None),
    ]


@pytest.mark.parametrize("form", ["iso", "%Y-%m-%d %H:%M:%S%z"])
def test_an_offset_that_no_clock_has_is_no_time(con, form):
    values = ["2024-07-01 12:00:00+14:00", "2024-07-01 12:00:00-09:30", "2024-07-01 12:00:00+25:99",
              "2024-07-01 12:00:00+02:60", "2024-07-01 12:00:00-15:00"]  # fmt: skip
    told = read(con, values, read_time("raw", "x", TimeFormat(format=form)))
    assert told[:2] == [(utc(2024, 6, 30, 22), None), (utc(2024, 7, 1, 21, 30), None)]
    assert told[2:] == [(None, f"x: '{text}' is not a time written as {form}") for text in values[2:]]


@pytest.mark.parametrize(
    ("ambiguous", "expected"),
    [
        ("earlier", (utc(2024, 11, 3, 5, 30), None)),
        ("later", (utc(2024, 11, 3, 6, 30), None)),
        ("problem", (None, "x: '2024-11-03 01:30' does not exist, or exists twice, at the clock of America/New_York")),
    ],
)
def test_an_hour_that_is_shown_twice_is_what_was_declared(con, ambiguous, expected):
    form = TimeFormat(zone="America/New_York", ambiguous=ambiguous)
    assert read(con, ["2024-11-03 01:30"], read_time("raw", "x", form)) == [expected]


def test_seconds_and_milliseconds_mixed_are_told_apart_by_their_size(con):
    same = utc(2024, 3, 31)
    values = ["1711843200", "1711843200000", "1711843200000000", "1711843200.5", "0", "inf", "9" * 19]
    told = read(con, values, read_time("raw", "x", TimeFormat(format="unix_mixed")))
    assert [moment for moment, _ in told[:4]] == [same, same, same, same + timedelta(milliseconds=500)]
    assert [words for _, words in told[4:]] == [
        "x: '0' lies outside 1990-01-01 to 2050-01-01",
        "x: 'inf' is not a time written as unix_mixed",
        f"x: '{'9' * 19}' is not a time written as unix_mixed",
    ]


@pytest.mark.parametrize(
    ("form", "text", "moment"),
    [
        ("%d/%m/%y %I:%M %p", "31/12/99 11:59 PM", utc(1999, 12, 31, 23, 59)),
        ("%a, %d %b %Y %H:%M:%S %z", "Thu, 14 Mar 2024 15:15:00 +0800", utc(2024, 3, 14, 7, 15)),
        ("%a, %d %b %Y %H:%M:%S %z", "Thu, 14 Mar 2024 15:15:00 GMT", utc(2024, 3, 14, 15, 15)),
        ("%Y/%m/%d %p %I:%M:%S", "2024/3/14 下午 3:15:00", utc(2024, 3, 14, 15, 15)),
        ("%Y/%m/%d %p%I:%M", "2024/3/14 上午12:15", utc(2024, 3, 14, 0, 15)),
        ("%m/%d/%Y", "11/1/2000", utc(2000, 11, 1)),
        ("%d-%b-%Y %T", "24-Jan-1997 01:02:03", utc(1997, 1, 24, 1, 2, 3)),
        ("%Y%m%d%H%M%S%z", "20240701120000+0200", utc(2024, 7, 1, 10)),
    ],
)
def test_declared_formats_read_as_strptime_does(con, form, text, moment):
    assert read(con, [text], read_time("raw", "x", TimeFormat(format=form))) == [(moment, None)]


def test_serial_days_of_a_spreadsheet_are_the_clock_of_the_shop_and_date_cells_among_them_are_read(con):
    values = ["45123.5", "45123", "45123,635416666664", "2023-07-16 12:00:00", "1", "45123.5.1", "-45123", ""]
    told = read(con, values, read_time("raw", "x", TimeFormat(format="excel", zone="Europe/Berlin")))
    assert told == [
        (utc(2023, 7, 16, 10), None),
        (utc(2023, 7, 15, 22), None),
        (utc(2023, 7, 16, 13, 15), None),
        (utc(2023, 7, 16, 10), None),
        (None, "x: '1' lies outside 1990-01-01 to 2050-01-01"),
        (None, "x: '45123.5.1' is not a time written as excel"),
        (None, "x: '-45123' is not a time written as excel"),
        (None, None),
    ]


def test_typed_times_are_moved_from_the_clock_of_the_shop_and_instants_are_not(con):
    local, form = [utc(2024, 7, 1, 12)], TimeFormat(zone="Asia/Taipei")
    assert read(con, local, read_time("raw", "x", form), "timestamp(6)") == [(utc(2024, 7, 1, 4), None)]
    assert read(con, local, read_time("raw", "x", form), "timestamp('UTC')") == [(utc(2024, 7, 1, 12), None)]


def test_signs_of_chinese_and_japanese_money_are_signs_of_currency(con):
    values = ["￥2.50元", "¥2.50", "3 元", "1200円"]
    told = read(con, values, read_number("raw", "x", NumberFormat()))
    assert told == [(2.5, None), (2.5, None), (3.0, None), (1200.0, None)]


def test_numbers_with_decimal_comma_and_signs_of_currency(con):
    form = NumberFormat(decimal=",", thousands=".")
    values = ["1.234,50 €", "-5,00", "1.23", "-0", "1e308", "inf", "NaN", "", "12 34", "9" * 19, "=1+1", "5,"]
    assert read(con, values, read_number("raw", "x", form)) == [
        (1234.5, None),
        (-5.0, None),
        (None, "x: '1.23' is not a number"),
        (0.0, None),
        (None, "x: '1e308' is not a number"),
        (None, "x: 'inf' is not a number"),
        (None, "x: 'NaN' is not a number"),
        (None, None),
        (None, "x: '12 34' is not a number"),
        (None, f"x: '{'9' * 19}' is beyond 1e+15"),
        (None, "x: '=1+1' is not a number"),
        (5.0, None),
    ]


def test_typed_numbers_must_be_finite_too(con):
    told = read(
        con, [1.5, float("inf"), float("nan"), 1e308, -0.0, None], read_number("raw", "x", NumberFormat()), "float64"
    )
    assert [number for number, _ in told] == [1.5, None, None, None, 0.0, None]
    assert str(told[4][0]) == "0.0"
    assert [words is None for _, words in told] == [True, False, False, False, True, True]


def test_a_position_is_a_whole_number(con):
    assert read(con, ["3", "2.5"], read_integer("raw", "x", NumberFormat())) == [
        (3, None),
        (None, "x: '2.5' is not a whole number"),
    ]


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"]
)
def test_the_clock_agrees_with_pythons_own_at_every_sixth_hour(con, zone):
    hours = [utc(2009, 12, 31) + timedelta(hours=6 * n, minutes=n % 60) for n in range(4 * 365 * 3)]
    seconds = [int((hour - utc(1970, 1, 1)).total_seconds()) for hour in hours]
    rows = ibis.memtable({"s": seconds, "y": [hour.year for hour in hours]})
    east = clock.offset(rows.s, rows.y, zone, date(2009, 1, 1), date(2014, 1, 1))
    found = dict(zip(*con.to_pyarrow(rows.select(rows.s, east=east)).to_pydict().values(), strict=True))
    for hour, second in zip(hours, seconds, strict=True):
        offset = hour.replace(tzinfo=ZoneInfo(zone)).utcoffset().total_seconds()
        back = (hour - timedelta(seconds=offset)).replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(zone))
        skipped = back.replace(tzinfo=None) != hour
        assert found[second] == (None if skipped else offset), hour


ORDERS = {
    "number": ["1", "C2", "3"],
    "sku": ["007", "a b", "😀"],
    "who": ["1", "", "3"],
    "at": ["2024-02-01 10:00"] * 3,
    "pieces": ["-1", "2", "3"],
    "cents": ["150", "200", "x"],
    "money": ["EUR", "USD", "QQQ"],
    "note": ['a"b\\', "", "c\nd"],
    "source_file": ["f.csv"] * 3,
    "source_row": [2, 3, 4],
}
MAPPING = {
    "columns": {
        "user_id": "who", "item_id": "sku", "timestamp": "at", "value": "cents", "quantity": "pieces",
        "session_id": "number",
    },
    "events": [{"type": "cancellation", "column": "number", "starts_with": ["C"]}, {"type": "purchase"}],
    "factors": {"value": 0.01},
    "value_is": "unit",
    "currency": {"code": "EUR", "column": "money", "rates": {"USD": 0.5}},
}  # fmt: skip


def test_a_table_is_mapped_with_events_money_and_trace(con):
    orders = con.create_table("orders", ibis.memtable(ORDERS))
    rows = con.to_pyarrow(canonical(orders, "interactions", parse(TableMapping, MAPPING, "x"))).to_pylist()
    seen = [(r["user_id"], r["item_id"], r["event_type"], r["quantity"], r["value"]) for r in rows]
    assert seen == [
        ("1", "007", "cancellation", 1.0, 1.5),
        (None, "a b", "cancellation", 2.0, 2.0),
        ("3", "😀", "purchase", 3.0, None),
    ]
    assert [(r["source_file"], r["source_row"], r["problem"]) for r in rows] == [
        ("f.csv", 2, None),
        ("f.csv", 3, None),
        ("f.csv", 4, "value: 'x' is not a number; currency: 'QQQ' has no rate"),
    ]


CHANGES = {
    "number": ["1", "2", "3", "C4", "5"],
    "at": ["2024-02-01 10:00", "2024-02-01T10:00Z", "2024-02-01 10:00", "soon", "2024-02-01 10:00"],
    "pieces": ["2", "1", "-1", "-1", "1"],
    "cents": ["150", "-0.00", "100", "-100", "x"],
    "money": ["EUR", "USD", "USD", "EUR", "usd"],
}


def test_every_change_that_the_mapping_makes_is_told_by_row_and_counted_by_rule(con):
    mapping = MAPPING | {"columns": {"timestamp": "at", "value": "cents", "quantity": "pieces"},
                         "time": {"zone": "Europe/Berlin"}}  # fmt: skip
    raw = con.create_table("changes", ibis.memtable(CHANGES))
    raw = raw.mutate(source_row=raw.number.replace("C", "").cast("int64"), source_file=ibis.literal("f.csv"))
    made = con.create_table("changed", canonical(raw, "interactions", parse(TableMapping, mapping, "x"), "changes"))
    told = {row["source_row"]: row["changed"] for row in con.to_pyarrow(made).to_pylist()}
    assert told == {
        1: "unit_converted, value_multiplied, time_zone_converted",
        2: "currency_converted, unit_converted, negative_zero",
        3: "currency_converted, unit_converted, value_multiplied, time_zone_converted, negative_quantity, sign_turned",
        4: "unit_converted, value_multiplied, sign_turned",
        5: "time_zone_converted",
    }
    assert counted(made) == {
        "currency_converted": 2, "unit_converted": 4, "value_multiplied": 3, "time_zone_converted": 3,
        "negative_zero": 1, "negative_quantity": 1, "sign_turned": 2,
    }  # fmt: skip


def test_words_for_nothing_are_no_ids_and_what_exports_put_around_ids_goes(con):
    nothing = ["NULL", "nan", "None", " ", "\t", " null ", "N/A", "<NA>", r"\N", "undefined", ""]
    kept = ["0", "007", "a b", "nano", "Nullable", "1.5", "17.00", "v1.0", "1.0.0", "x.0", "-"]
    whole = {"17.0": "17", "-3.0": "-3", "00.0": "00"}
    decomposed = {"cafe\u0301": "café", "Zoe\u0308 1": "Zoë 1", "\u1112\u1161\u11ab": "한", "\u212b": "Å"}
    padded = {" 7": "7", "A1        ": "A1", "\u00a0é\u200b": "é", "\ufeff18.0\t": "18", "\u3000茶 1": "茶 1"}
    ids = [*nothing, "\u200b\u00a0", *kept, *whole, *padded, *decomposed]
    raw = con.create_table("ids", ibis.memtable({
        "who": ids, "sku": ids, "at": ["2024-02-01 10:00"] * len(ids), "source_row": range(len(ids)),
        "source_file": ["f.csv"] * len(ids),
    }))  # fmt: skip
    columns = {"user_id": "who", "item_id": "sku", "timestamp": "at"}
    made = con.create_table("of_ids", canonical(raw, "interactions", TableMapping(columns=columns), "ids"))
    rows = con.to_pyarrow(made.order_by("source_row")).to_pylist()
    for name in ("user_id", "item_id"):
        read = [*kept, *whole.values(), *padded.values(), *decomposed.values()]
        assert [row[name] for row in rows] == [*[None] * (len(nothing) + 1), *read]
    assert {row["problem"] for row in rows} == {None}
    assert counted(made) == {"id_means_nothing": 11, "id_point_zero": 4, "id_padded": 6, "id_composed": 4}
    as_written = parse(
        TableMapping, {"columns": columns, "ids": {"nothing": [], "whole_numbers": False, "trimmed": False}}, "x"
    )
    rows = con.to_pyarrow(canonical(raw, "interactions", as_written, "ids").order_by("source_row")).to_pylist()
    assert [row["user_id"] for row in rows] == [decomposed.get(i, i) or None for i in ids]


def test_ids_that_a_spreadsheet_rounded_cannot_be_read_unless_they_are_ids(con):
    rounded, ids = ["4.00638E+12", "4,00638E+12", "1e+16", "-1.0E16"], ["5E12", "1E5", "4.0E", "E+12", "12.5E+3"]
    raw = con.create_table("rounded", ibis.memtable({
        "who": rounded + ids, "at": ["2024-02-01 10:00"] * 9, "source_row": range(9), "source_file": ["f.csv"] * 9,
    }))  # fmt: skip
    columns = {"user_id": "who", "item_id": "who", "timestamp": "at"}
    rows = con.to_pyarrow(canonical(raw, "interactions", TableMapping(columns=columns), "r").order_by("source_row"))
    assert rows["item_id"].to_pylist() == [None] * 4 + ids
    says = "is a number that a spreadsheet has rounded, not an id; export the column as text"
    assert rows["problem"].to_pylist()[1] == f"user_id: '4,00638E+12' {says}; item_id: '4,00638E+12' {says}"
    meant = TableMapping(columns=columns, ids={"rounded": True})
    rows = con.to_pyarrow(canonical(raw, "interactions", meant, "m").order_by("source_row"))
    assert rows["user_id"].to_pylist() == rounded + ids
    assert set(rows["problem"].to_pylist()) == {None}


def test_a_price_of_one_unit_without_a_quantity_is_the_price_of_one(con):
    raw = con.create_table("units", ibis.memtable(ORDERS | {"pieces": ["", "2", "x"], "cents": ["150", "200", "300"]}))
    rows = con.to_pyarrow(canonical(raw, "interactions", parse(TableMapping, MAPPING, "x"), "units")).to_pylist()
    assert [(row["quantity"], row["value"]) for row in rows[:2]] == [(None, 1.5), (2.0, 2.0)]
    assert rows[2]["problem"].startswith("quantity: 'x' is not a number")


def test_a_mapping_with_nothing_to_convert_changes_nothing(con):
    columns = {"user_id": "number", "item_id": "sku", "timestamp": "at"}
    orders = con.create_table("plain", ibis.memtable(ORDERS))
    rows = con.create_table("unchanged", canonical(orders, "interactions", TableMapping(columns=columns), "plain"))
    assert set(con.to_pyarrow(rows)["changed"].to_pylist()) == {None}
    assert counted(rows) == {}


@pytest.mark.parametrize(
    ("kind", "values"), [("string", ["-0", "- 0,00", "€-0", "0", "-1"]), ("float64", [-0.0, -0.0, -0.0, 0.0, -1.0])]
)
def test_negative_zeros_become_zeros_and_are_told(con, kind, values):
    stages = read_number("raw", "x", NumberFormat(decimal=",", thousands="."))
    rows = con.create_table(f"zeros_{kind}", ibis.memtable(pa.table({"i": range(5), "raw": values})))
    out = con.to_pyarrow(in_stages(rows, [stages], f"zeros_{kind}").order_by("i"))
    assert list(map(str, out[value("x")].to_pylist())) == ["0.0", "0.0", "0.0", "0.0", "-1.0"]
    assert out["x.changed.negative_zero"].to_pylist() == [True, True, True, False, False]


def test_times_in_finer_units_among_seconds_are_told(con):
    rows = con.create_table("epochs", ibis.memtable({"raw": ["1706781600", "1706781600000", "x", None]}))
    out = con.to_pyarrow(in_stages(rows, [read_time("raw", "x", TimeFormat(format="unix_mixed"))], "epochs"))
    told = dict(zip(out["raw"].to_pylist(), out["x.changed.epoch_rescaled"].to_pylist(), strict=True))
    assert told == {"1706781600": False, "1706781600000": True, "x": False, None: False}


def test_attributes_are_a_json_object_of_what_is_given(con):
    import json

    notes = con.create_table("notes", ibis.memtable(ORDERS))
    mapping = TableMapping(columns={"item_id": "sku"}, attributes=("note", "money"))
    rows = con.to_pyarrow(canonical(notes, "items", mapping)).to_pylist()
    assert [json.loads(r["attributes"]) for r in rows] == [
        {"money": "EUR", "note": 'a"b\\'}, {"money": "USD"}, {"money": "QQQ", "note": "c\nd"},
    ]  # fmt: skip


def test_an_event_that_no_rule_fits_is_a_problem(con):
    actions = con.create_table("actions", ibis.memtable({**ORDERS, "what": ["pv", "buy", "?"]}))
    rules = [
        {"type": "view", "column": "what", "equals": ["pv"]},
        {"type": "purchase", "column": "what", "equals": ["buy"]},
    ]
    columns = {"user_id": "who", "item_id": "sku", "timestamp": "at"}
    mapping = parse(TableMapping, {"columns": columns, "events": rules}, "x")
    rows = con.to_pyarrow(canonical(actions, "interactions", mapping)).to_pylist()
    assert [r["event_type"] for r in rows] == ["view", "purchase", None]
    assert rows[2]["problem"] == "event_type: '?' fits no event rule"


def test_a_column_that_is_not_there_is_named(con):
    few = con.create_table("few", ibis.memtable({"sku": ["1"]}))
    with pytest.raises(DataError, match="items: column 'name' is not there; found 'sku'"):
        canonical(few, "items", TableMapping(columns={"item_id": "sku", "title": "name"}), "orders")


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"columns": {"item": "sku"}}, "unknown column 'item' of interactions; did you mean 'item_id'"),
        ({"columns": {"item_id": "sku"}}, "user_id, timestamp of interactions is required"),
        ({"time": {"zone": "Europe/Atlantis"}}, "unknown time zone 'Europe/Atlantis'"),
        ({"time": {"format": "%Q"}}, "%Q is not known"),
        ({"time": {"format": "%H:%M"}}, "has no year, month, day"),
        ({"numbers": {"decimal": ",", "thousands": ","}}, "two different signs"),
        ({"events": [{"type": "view", "equals": ["a"]}]}, "give a column"),
        ({"currency": {"rates": {"USD": 0}}}, "a rate must be positive"),
        ({"factors": {"value": 0}}, "a factor must be positive and finite"),
        ({"factors": {"value": -1}}, "a factor must be positive and finite"),
        ({"factors": {"value": float("inf")}}, "a factor must be positive and finite"),
        ({"factors": {"timestamp": 2}}, "factors: 'timestamp' holds no amount"),
        ({"factors": {"item_id": 2}}, "factors: 'item_id' holds no amount"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused(mapping, words):
    with pytest.raises(ConfigError, match=words):
        check_mapping(parse(TableMapping, mapping, "source.params"), "interactions", "source.params")
