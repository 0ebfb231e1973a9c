"""The contract of every source, on a tiny literal sample of each: raw files in, canonical tables out, nothing lost."""

import gzip
import json
import shutil
from datetime import datetime

import pyarrow.parquet as pq
import pytest

from components.core import schema
from components.core.errors import ConfigError, DataError
from components.core.registry import SOURCES
from components.data import engine
from components.data.source import SourceChoice

INVOICES = """Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country
536365,85123A,"HEART, WHITE",6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
C536379,D,Discount,-1,2010-12-01 09:41:00,27.50,14527.0,United Kingdom
536380,85123A,"HEART, WHITE",1,2010-12-01 09:41:00,2.55,,France
536381,85123A,"HEART, WHITE",1,2011-03-27 01:30:00,2.55,17850.0,United Kingdom
"""
REVIEWS = [
    {"user_id": "AE1", "parent_asin": "B00P", "asin": "B00V", "rating": 5.0, "timestamp": 1588687728923, "text": "ok"},
    {"user_id": "AE2", "parent_asin": "0001", "asin": "0001", "rating": 1.0, "timestamp": 1588687728924, "text": "no"},
]
METADATA = [
    {
        "parent_asin": "B00P", "title": "Tea", "main_category": "Grocery", "price": "from 4.99", "store": "Leaf",
        "categories": ["Grocery", "Drinks", "Tea"], "description": ["Black.", "Strong."],
        "images": [{"large": "https://x.example/1.jpg"}],
    },
    {"parent_asin": "0001", "title": "Cup", "main_category": "Home", "price": 3.5, "categories": [], "description": []},
]  # fmt: skip


def lines(path, records, pack=gzip.compress):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack("".join(json.dumps(r) + "\n" for r in records).encode()))


def text(path, content, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode(encoding))


def utc(*parts):
    return datetime(*parts)  # noqa: DTZ001 - canonical times are UTC without a zone


def tables(root):
    text(root / "o/day1.csv", "customer;sku;at;paid;pieces\n007;A;31.12.2023 23:30;1,50;1\n8;B;1.1.2024 10:00;2;-1\n")
    text(root / "o/day2.csv", "customer;sku;at;paid;pieces\n9;A;x;1;1\n")
    columns = {"user_id": "customer", "item_id": "sku", "timestamp": "at", "value": "paid", "quantity": "pieces"}
    time = {"format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"}
    return {"files": f"{root}/o/*.csv", "time": time, "numbers": {"decimal": ","}, "interactions": {"columns": columns}}


def sql(root):
    import duckdb

    with duckdb.connect(root / "shop.duckdb") as con:
        con.sql("CREATE TABLE orders AS SELECT '007' u, 42 AS i, TIMESTAMPTZ '2024-01-01 10:00:00+01' AS t, 1.5 AS v")
        con.sql("INSERT INTO orders VALUES ('8', 43, '2024-01-02 10:00:00+01', 2)")
    columns = {"user_id": "u", "item_id": "i", "timestamp": "t", "value": "v"}
    items = {"query": "SELECT i, 'Tea' AS name FROM orders", "columns": {"item_id": "i", "title": "name"}}
    orders = {"table": "orders", "columns": columns}
    return {"duckdb": str(root / "shop.duckdb"), "interactions": orders, "items": items}


def ta_feng(root):
    head = "TRANSACTION_DT,CUSTOMER_ID,AGE_GROUP,PIN_CODE,PRODUCT_SUBCLASS,PRODUCT_ID,AMOUNT,ASSET,SALES_PRICE"
    rows = '"11/1/2000","01104905","45-49","115","110411","4710199010372","2","24","30"\r\n'
    rows += '"11/2/2000","01104905","45-49","115","110411","0078895770025","1","48","46"\r\n'
    text(root / "ta_feng.csv", f"\ufeff{head}\r\n{rows}")
    return {"files": str(root / "ta_feng.csv")}


def open_bandit(root):
    head = ",timestamp,item_id,position,click,propensity_score,user_feature_0"
    rows = (
        "0,2019-11-24 00:00:34.762830+00:00,14,3,0,0.0125,cef3\n1,2019-11-24 00:00:53.965051+00:00,15,1,1,0.0125,cef3\n"
    )
    text(root / "random/all/all.csv", f"{head}\n{rows}")
    head = ",item_id,item_feature_0,item_feature_1,item_feature_2,item_feature_3"
    text(root / "random/all/item_context.csv", f"{head}\n0,14,-0.5,a,b,c\n1,15,0.5,a,b,c\n")
    return {"folder": str(root)}


def amazon_reviews(root):
    lines(root / "reviews.jsonl.gz", REVIEWS)
    lines(root / "meta.jsonl.gz", METADATA)
    return {"reviews": str(root / "reviews.jsonl.gz"), "metadata": str(root / "meta.jsonl.gz"), "form": "2023"}


def online_retail(root):
    text(root / "invoices.csv", INVOICES)
    return {"files": str(root / "invoices.csv")}


def click_sessions(root):
    text(
        root / "yoochoose-clicks.dat",
        "1,2014-04-07T10:51:09.277Z,214536502,0\n1,2014-04-07T10:54:09.868Z,214536500,S\n",
    )
    text(
        root / "yoochoose-buys.dat", "1,2014-04-07T11:00:00.000Z,214536500,0,0\n2,2014-04-08T11:00:00.000Z,7,12462,2\n"
    )
    return {"folder": str(root)}


def movielens(root):
    text(root / "ratings.csv", "userId,movieId,rating,timestamp\n1,296,5.0,1147880044\n1,306,3.5,1147868817\n")
    text(root / "movies.csv", 'movieId,title,genres\n296,Pulp Fiction (1994),Comedy|Crime\n306,"Rouge, Trois",Drama\n')
    return {"folder": str(root)}


def sequences(root):
    text(root / "sequences.txt", "u1 a b a\nu2 b\n")
    text(root / "attributes.json", '{"a": [3, 4], "c": [5]}')
    return {"files": str(root / "sequences.txt"), "item_attributes": str(root / "attributes.json")}


SAMPLES = {
    f.__name__: f
    for f in (
        tables, sql, ta_feng, open_bandit, amazon_reviews, online_retail, click_sessions, movielens, sequences
    )
}  # fmt: skip
# What a reader can count in the samples: canonical rows by table.
ROWS = {
    "tables": {"interactions": 3, "items": 2},
    "sql": {"interactions": 2, "items": 2},
    "ta_feng": {"interactions": 2, "items": 2, "users": 1},
    "open_bandit": {"interactions": 1, "items": 2, "exposures": 2},
    "amazon_reviews": {"interactions": 2, "items": 2},
    "online_retail": {"interactions": 4, "items": 2, "users": 2},
    "click_sessions": {"interactions": 4, "items": 3},
    "movielens": {"interactions": 2, "items": 2},
    "sequences": {"interactions": 4, "items": 2},
}
GONE = {  # a required raw column of each
    "tables": ("interactions", "sku"),
    "sql": ("interactions", "i"),
    "ta_feng": ("lines", "PRODUCT_ID"),
    "open_bandit": ("impressions", "position"),
    "amazon_reviews": ("reviews", "parent_asin"),
    "online_retail": ("invoices", "StockCode"),
    "click_sessions": ("buys", "time"),
    "movielens": ("ratings", "movieId"),
    "sequences": ("sequences", "item_id"),
}
LOCAL = pytest.mark.parametrize("name", sorted(SAMPLES))


@pytest.fixture(scope="module", params=sorted(SAMPLES))
def read(request, tmp_path_factory):
    """A source by name, its folder of raw files, and its canonical tables as rows."""
    root = tmp_path_factory.mktemp(request.param)
    source = open_source(request.param, SAMPLES[request.param](root))
    return request.param, source, *read_all(source, root)


def open_source(name, params):
    return SourceChoice(component=name, params=params).open()


def read_all(source, root):
    """Ingest, land and map; returns data/, the landed folder and the tables."""
    data, work = root / "data", root / "landed"
    data.mkdir()
    work.mkdir()
    source.ingest(data)
    landed = source.land(data, work)
    con = engine.connect()
    found = {name: table.to_pyarrow() for name, table in source.tables(con, landed).items()}
    con.disconnect()
    return data, landed, found


def test_every_source_has_a_sample():
    assert set(SOURCES.names()) - {"complete_journey"} == set(SAMPLES)


def test_columns_are_canonical_in_order_and_type(read):
    _, _, _, _, found = read
    for name, table in found.items():
        allowed = (*schema.COLUMNS[name], *schema.TRACE)
        assert list(table.column_names) == [c for c in allowed if c in table.column_names]
        assert set(schema.REQUIRED[name]) <= set(table.column_names)
        for column in set(table.column_names) - set(schema.TRACE):
            kinds = {"string": "string", "float64": "double", "int64": "int64", "timestamp(6)": "timestamp[us]"}
            assert str(table.schema.field(column).type) == kinds[schema.column_type(column)], column


def test_every_raw_row_is_accounted_for(read):
    name, _, _, _, found = read
    assert {table: rows.num_rows for table, rows in found.items()} == ROWS[name]


def test_event_types_are_known_and_nothing_but_the_planted_fault_is_a_problem(read):
    name, _, _, _, found = read
    events = found["interactions"].to_pylist()
    assert {event["event_type"] for event in events} <= set(schema.EVENT_TYPES)
    problems = [row["problem"] for table in found.values() for row in table.to_pylist() if row.get("problem")]
    planted = {
        "tables": ["timestamp: 'x' is not a time written as %d.%m.%Y %H:%M"],
        "online_retail": ["timestamp: '2011-03-27 01:30:00' does not exist at the clock of Europe/London"],
    }
    assert problems == planted.get(name, [])


def test_raw_files_are_copied_byte_for_byte_and_stay_as_they_were(read):
    name, source, data, _, _ = read
    if name == "sql":
        assert sorted(p.name for p in data.rglob("*.parquet")) == ["interactions.parquet", "items.parquet"]
        return
    for table, files in source.found().items():
        for original, copy in files:
            assert (data / table / copy).read_bytes() == original.read_bytes()


def test_the_same_files_give_the_same_bytes_twice(read, tmp_path):
    _, source, data, landed, _ = read
    again, work = tmp_path / "data", tmp_path / "landed"
    again.mkdir()
    work.mkdir()
    source.ingest(again)
    source.land(again, work)
    for one, two in ((data, again), (landed, work)):
        files = sorted(p.relative_to(one) for p in one.rglob("*") if p.is_file())
        assert files == sorted(p.relative_to(two) for p in two.rglob("*") if p.is_file())
        assert all((one / file).read_bytes() == (two / file).read_bytes() for file in files)


@pytest.mark.slow
def test_the_same_landed_rows_give_the_same_tables_twice(tmp_path):
    source = open_source("tables", tables(tmp_path))
    _, landed, _ = read_all(source, tmp_path)
    written = []
    for run in ("one", "two"):
        con = engine.connect()
        for name, table in source.tables(con, landed).items():
            engine.write_parquet(table, tmp_path / run / f"{name}.parquet")
        con.disconnect()
        written.append([(tmp_path / run / f"{name}.parquet").read_bytes() for name in ("interactions", "items")])
    assert written[0] == written[1]


@LOCAL
def test_an_unknown_option_is_refused(name, tmp_path):
    with pytest.raises(ConfigError, match="unknown parameter 'colour'"):
        open_source(name, SAMPLES[name](tmp_path) | {"colour": "red"})


@LOCAL
def test_missing_files_are_refused_in_words(name, tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    source = open_source(name, SAMPLES[name](folder))
    shutil.rmtree(folder)
    (tmp_path / "data").mkdir()
    with pytest.raises(DataError, match=r"no file at|no such file"):
        source.ingest(tmp_path / "data")


def test_a_missing_column_is_refused_in_words(read, tmp_path):
    name, source, _, landed, _ = read
    shutil.copytree(landed, tmp_path / "landed")
    table, column = GONE[name]
    whole = pq.read_table(landed / f"{table}.parquet")
    pq.write_table(whole.drop_columns([column]), tmp_path / "landed" / f"{table}.parquet")
    con = engine.connect()
    with pytest.raises(DataError, match=f"column '{column}' is not there"):
        source.tables(con, tmp_path / "landed")
    con.disconnect()


def test_ids_keep_every_letter_and_times_are_utc(read):
    name, *_, found = read
    first = {
        "tables": ("007", "A", utc(2023, 12, 31, 22, 30)),
        "sql": ("007", "42", utc(2024, 1, 1, 9)),
        "ta_feng": ("01104905", "4710199010372", utc(2000, 10, 31, 16)),
        "open_bandit": (None, "15", utc(2019, 11, 24, 0, 0, 53, 965051)),
        "amazon_reviews": ("AE1", "B00P", utc(2020, 5, 5, 14, 8, 48, 923000)),
        "online_retail": ("17850", "85123A", utc(2010, 12, 1, 8, 26)),
        "click_sessions": ("session 1", "214536502", utc(2014, 4, 7, 10, 51, 9, 277000)),
        "movielens": ("1", "306", utc(2006, 5, 17, 12, 26, 57)),
        "sequences": ("u1", "a", utc(2000, 1, 2)),
    }
    events = [e for e in found["interactions"].to_pylist() if e["timestamp"]]
    earliest = min(events, key=lambda e: (e["timestamp"], e["user_id"] or ""))
    assert (earliest["user_id"], earliest["item_id"], earliest["timestamp"]) == first[name]


def test_invoices_know_cancellations_guests_and_line_values(read):
    name, *_, found = read
    if name != "online_retail":
        return
    rows = found["interactions"].to_pylist()
    seen = [(r["event_type"], r["user_id"], r["quantity"], round(r["value"], 2), r["session_id"]) for r in rows]
    assert seen[:3] == [
        ("purchase", "17850", 6.0, 15.3, "536365"),
        ("cancellation", "14527", 1.0, 27.5, "C536379"),
        ("purchase", None, 1.0, 2.55, "536380"),
    ]


def test_metadata_of_2023_give_path_price_and_description(read):
    name, *_, found = read
    if name != "amazon_reviews":
        return
    items = found["items"].to_pylist()
    tea = next(item for item in items if item["item_id"] == "B00P")
    path = (tea["department"], tea["category"], tea["subcategory"])
    assert path == ("Grocery", "Drinks", "Tea")
    assert (tea["brand"], tea["description"], tea["price"]) == ("Leaf", "Black. Strong.", None)
    assert json.loads(tea["attributes"]) == {"picture": "https://x.example/1.jpg"}
    assert next(item for item in items if item["item_id"] == "0001")["price"] == 3.5


@pytest.mark.slow
@pytest.mark.parametrize("form", ["2014", "2018"])
def test_older_reviews_are_read_by_their_own_names(form, tmp_path):
    review = {"reviewerID": "A2", "asin": "0000031887", "overall": 4.0, "unixReviewTime": 1364688000}
    lines(tmp_path / "reviews.json.gz", [review])
    if form == "2014":
        meta = "{'asin': '0000031887', 'title': \"Girl's Skirt\", 'price': 3.17, 'categories': [['Sports', 'Dance']]}\n"
        (tmp_path / "meta.json.gz").write_bytes(
            gzip.compress(2 * meta.encode())
        )  # a product on two lines, as published
    else:
        skirt = {
            "asin": "0000031887",
            "title": "Girl's Skirt",
            "category": ["Sports", "Dance"],
            "price": "$3.17 - $5.00",
        }
        lines(tmp_path / "meta.json.gz", [skirt, skirt | {"price": ""}])
    params = {"reviews": str(tmp_path / "reviews.json.gz"), "metadata": str(tmp_path / "meta.json.gz"), "form": form}
    found = read_all(open_source("amazon_reviews", params), tmp_path)[2]
    (event,), (item,) = found["interactions"].to_pylist(), found["items"].to_pylist()
    assert (event["event_type"], event["value"], event["timestamp"]) == ("rating", 4.0, utc(2013, 3, 31))
    assert (item["title"], item["department"], item["category"], item["price"]) == (
        "Girl's Skirt",
        "Sports",
        "Dance",
        3.17,
    )


@pytest.mark.slow
def test_diginetica_joins_categories_and_keeps_the_order_within_a_session(tmp_path):
    text(
        tmp_path / "train-item-views.csv",
        "sessionId;userId;itemId;timeframe;eventdate\n1;NA;81766;526309;2016-05-09\n1;NA;31331;1031018;2016-05-09\n",
    )
    text(
        tmp_path / "train-purchases.csv",
        "sessionId;userId;timeframe;eventdate;ordernumber;itemId\n150;18278;17100868;2016-05-06;16421;25911\n",
    )
    text(tmp_path / "products.csv", "itemId;pricelog2;product.name.tokens\n81766;11;4875,776\n25911;8;57\n")
    text(tmp_path / "product-categories.csv", "itemId;categoryId\n81766;1096\n")
    source = open_source("click_sessions", {"folder": str(tmp_path), "form": "diginetica"})
    found = read_all(source, tmp_path)[2]
    events = sorted(found["interactions"].to_pylist(), key=lambda e: e["timestamp"])
    assert [(e["user_id"], e["item_id"], e["event_type"]) for e in events] == [
        ("18278", "25911", "purchase"), ("session 1", "81766", "view"), ("session 1", "31331", "view"),
    ]  # fmt: skip
    assert events[1]["timestamp"] == utc(2016, 5, 9, 0, 8, 46, 309000)
    assert {i["item_id"]: i["category"] for i in found["items"].to_pylist()} == {"81766": "1096", "25911": None}


@pytest.mark.slow
@pytest.mark.parametrize("form", ["100k", "1m"])
def test_older_movielens_forms_give_users_and_genres(form, tmp_path):
    if form == "100k":
        text(tmp_path / "u.data", "196\t242\t3\t881250949\n")
        flags = "|".join("1" if i in (5, 8) else "0" for i in range(19))
        text(tmp_path / "u.item", f"242|Kolya é (1996)|24-Jan-1997||http://x|{flags}\n", "latin-1")
        text(tmp_path / "u.user", "196|49|M|writer|55105\n")
    else:
        text(tmp_path / "ratings.dat", "196::242::3::881250949\n")
        text(tmp_path / "movies.dat", "242::Kolya é (1996)::Comedy|Drama\n", "latin-1")
        text(tmp_path / "users.dat", "196::M::49::16::55105\n")
    found = read_all(open_source("movielens", {"folder": str(tmp_path), "form": form}), tmp_path)[2]
    (item,), (user,) = found["items"].to_pylist(), found["users"].to_pylist()
    assert (item["title"], item["category"]) == ("Kolya é (1996)", "Comedy")
    assert json.loads(item["attributes"]) == {"genres": "Comedy|Drama"}
    assert (user["user_id"], user["age"], json.loads(user["attributes"])["gender"]) == ("196", "49", "M")
    assert found["interactions"].to_pylist()[0]["timestamp"] == utc(1997, 12, 4, 15, 55, 49)


def test_sequences_keep_their_order_as_days_and_say_that_times_are_made_up(tmp_path):
    source = open_source("sequences", sequences(tmp_path))
    found = read_all(source, tmp_path)[2]
    events = [e for e in found["interactions"].to_pylist() if e["user_id"] == "u1"]
    assert [(e["item_id"], e["timestamp"].day) for e in sorted(events, key=lambda e: e["timestamp"])] == [
        ("a", 2), ("b", 3), ("a", 4),
    ]  # fmt: skip
    assert source.has_times is False
    attributes = {i["item_id"]: i["attributes"] for i in found["items"].to_pylist()}
    assert attributes == {"a": '{"item_attributes": "3 4"}', "b": None}


@pytest.mark.slow
def test_the_wheels_give_what_is_said_of_them(tmp_path):
    counts = {}
    for name in ("complete_journey", "ta_feng", "open_bandit"):
        (tmp_path / name).mkdir()
        found = read_all(open_source(name, {}), tmp_path / name)[2]
        counts[name] = {table: rows.num_rows for table, rows in found.items()}
        assert not [p for t in found.values() if "problem" in t.column_names for p in t["problem"].to_pylist() if p]
    assert counts["complete_journey"]["interactions"] == 1_469_307
    assert counts["ta_feng"] == {"interactions": 817_741, "items": 23_812, "users": 32_266}
    assert counts["open_bandit"] == {"interactions": 38, "items": 80, "exposures": 10_000}


HOSTILE = (
    "who;sku;at;paid;pieces\n"
    "007; a ;2024-03-31 02:30;1.234,50 €;1\n"
    "=1+1;😀;31.02.2024;1e308;-2\n"
    "x;' OR 1=1 --;1711843200000;inf;9223372036854775808\n"
    ";B;2024-10-27 02:30:00.123456789;-0;\n"
    "NULL;12.0;2024-07-01T12:00:00+14:00;1;\n"
    " nan ;\\\\N;2024-07-01T12:00:00+25:99;1;1\n"
    "y;b\\\\n;2024-07-01T12:00:00+05:30;NaN;0,5\n"
)


CLOCKS = (
    "who;sku;serial;halves;chinese\n"
    "a;x;45123.5;3/14/2024 3:15 PM;2024/3/14 下午3:15\n"
    "a;x;45123,635416666664;3/14/2024 12:00 AM;2024/3/14 上午12:00\n"
    "b;x;2023-07-16 12:00:00;3/14/2024 12:30 pm;2024/3/14 下午12:30\n"
    "b;x;45382.104166667;3/31/2024 2:30 AM;2024/3/31 上午2:30\n"
    "c;x;1e5;13/14/2024 3:15 PM;2024/13/14 下午3:15\n"
    "c;x;999999.999999999999999;3/14/2024 15:15 PM;2024/3/14 下午15:15\n"
)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17")
def test_spark_reads_every_sample_and_a_hostile_one_as_duckdb_does(tmp_path):
    pytest.importorskip("pyspark")
    columns = {"user_id": "who", "item_id": "sku", "timestamp": "at", "value": "paid", "quantity": "pieces"}
    text(tmp_path / "hostile.csv", HOSTILE)
    hostile = {
        "files": str(tmp_path / "hostile.csv"),
        "format": {"delimiter": ";"},
        "numbers": {"decimal": ",", "thousands": "."},
        "time": {"zone": "Europe/Berlin"},
        "interactions": {"columns": columns, "currency": {"code": "EUR"}, "value_is": "unit"},
    }
    spark = engine.EngineConfig(component="spark", memory_limit_gb=1).open()
    text(tmp_path / "clocks.csv", CLOCKS)
    columns = {"user_id": "who", "item_id": "sku"}
    clocks = [
        {"columns": columns | {"timestamp": raw}, "time": {"format": form, "zone": "Europe/Berlin"}}
        for raw, form in (("serial", "excel"), ("halves", "%m/%d/%Y %I:%M %p"), ("chinese", "%Y/%m/%d %p%I:%M"))
    ]
    clocks = {"files": str(tmp_path / "clocks.csv"), "interactions": clocks}
    samples = {name: (name, make) for name, make in SAMPLES.items()} | {
        "hostile": ("tables", lambda _: hostile),
        "clocks": ("tables", lambda _: clocks),
    }
    for label, (name, make) in samples.items():
        (tmp_path / label).mkdir()
        source = open_source(name, make(tmp_path / label))
        _, landed, found = read_all(source, tmp_path / label)
        for table, rows in source.tables(spark, landed).items():
            engine.write_parquet(rows, tmp_path / label / f"{table}.parquet")
            there = pq.read_table(tmp_path / label / f"{table}.parquet").to_pylist()
            assert sorted(map(str, there)) == sorted(map(str, found[table].to_pylist())), (label, table)
    spark.disconnect()
