"""A file added to any source that can take one: judged alone, and the result is that of all files at once."""

import gzip
import json
import shutil

import pytest

from components.core import layout, schema
from components.core.errors import DataError
from components.core.registry import SOURCES
from components.data.arrivals import add
from components.data.pin import write_pin
from components.data.source import SourceChoice
from components.steps.validate import ValidateConfig
from tests.data.hostile.shop import project
from tests.data.test_snapshots import Shop

INVOICES = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n"
REVIEW = {"rating": 5.0, "timestamp": 1588687728923}
SOLD = '"12/1/2000","01","45-49","115","110","0047","2","24","30"\n'
SALES = "TRANSACTION_DT,CUSTOMER_ID,AGE_GROUP,PIN_CODE,PRODUCT_SUBCLASS,PRODUCT_ID,AMOUNT,ASSET,SALES_PRICE\n"


def reviews(*pairs):
    return "".join(json.dumps(REVIEW | {"user_id": user, "parent_asin": item}) + "\n" for user, item in pairs)


def meta(*items):
    return "".join(
        json.dumps({"parent_asin": item, "title": f"Tea {item}", "price": "$5 - $9"}) + "\n" for item in items
    )


def films(*rows):
    return "movieId,title,genres\n" + "".join(f"{number},{title},Drama\n" for number, title in rows)


# By source: options, the files it starts with, and (raw table, name, content) of what is added. Late events, events
# that stand in two files, values that cannot be read and ragged lines are among them.
ADDED = {
    "online_retail": (
        {"files": "{root}/y/*.csv"},
        {"y/2010.csv": INVOICES + "1,A,Tea,6,2010-12-01 08:26:00,2.5,17850.0,UK\n2,B,Cup,1,2010-12-01 09:00:00,3,,U\n"},
        [
            (
                "invoices",
                "2011.csv",
                INVOICES + "C1,A,TEA POT,-2,2010-12-02 08:00:00,2.5,17850,UK\n3,C,Jug,1,2009-12-01 09:00:00,x,9,UK\n"
                "2,B,Cup,1,2010-12-01 09:00:00,3,,UK\nbroken\n",
            )
        ],
    ),
    "amazon_reviews": (
        {"reviews": "{root}/r/*.jsonl.gz", "metadata": "{root}/m/*.jsonl"},
        {"r/a.jsonl.gz": reviews(("u1", "i1"), ("u2", "i2")), "m/a.jsonl": meta("i1", "i2")},
        [
            ("reviews", "b.jsonl.gz", reviews(("u1", "i2"), ("u1", "i1"), ("u3", "i3")) + "{\n"),
            ("metadata", "b.jsonl", meta("i3")),
        ],
    ),
    "click_sessions": (
        {"folder": "{root}"},
        {
            "yoochoose-clicks.dat": "1,2014-04-07T10:51:09.277Z,21,0\n1,2014-04-07T10:54:09.868Z,22,S\n",
            "yoochoose-buys.dat": "1,2014-04-07T11:00:00.000Z,22,0,0\n",
        },
        [
            ("clicks", "may.dat", "2,2014-05-07T10:51:09.277Z,21,7\n1,2014-04-01T10:54:09.868Z,22,S\n3,never,21,0\n"),
            ("buys", "may.dat", "2,2014-05-07T11:00:00.000Z,22,12462,2\n2,2014-05-07T11:00:00.000Z\n"),
        ],
    ),
    "movielens": (
        {"folder": "{root}"},
        {
            "ratings.csv": "userId,movieId,rating,timestamp\n1,7,5.0,1147880044\n1,8,3.5,1147868817\n",
            "movies.csv": films((7, "Rain"), (8, "Snow")),
        },
        [
            ("ratings", "later.csv", "userId,movieId,rating,timestamp\n2,7,5.0,1147880045\n1,9,x,1147868818\n"),
            ("movies", "later.csv", films((9, "Hail"))),
        ],
    ),
    "ta_feng": (
        {"files": "{root}/t/*.csv"},
        {"t/november.csv": SALES + '"11/1/2000","01","45-49","115","110","0047","2","24","30"\n'},
        [("lines", "december.csv", SALES + SOLD + '"13/1/2000",,,,,,,\n')],
    ),
    "sequences": (
        {"files": "{root}/s/*.txt", "item_attributes": "{root}/attributes.json"},
        {"s/a.txt": "u1 a b a\nu2 b\n", "attributes.json": '{"a": [3, 4], "c": [5]}'},
        [("sequences", "b.txt", "u3 c a\nu4\n")],
    ),
}  # fmt: skip


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content.encode(), mtime=0) if path.suffix == ".gz" else content.encode())
    return path


def started(root, name):
    """A project of the source with its first files."""
    params, files, _ = ADDED[name]
    for file, content in files.items():
        write(root / "shop" / file, content)
    options = {key: value.format(root=root / "shop") for key, value in params.items()}
    (root / "project").mkdir(parents=True)
    shop = Shop.__new__(Shop)
    shop.root = root / "project"
    choice = project(shop.root, options, name)
    shop.config = ValidateConfig(source=choice, max_quarantined_share=0.9)
    return shop


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ADDED))
def test_an_added_file_is_judged_alone_and_gives_what_all_files_give_at_once(name, tmp_path):
    daily, whole = started(tmp_path / "daily", name), started(tmp_path / "whole", name)
    before = daily.validate()
    source = daily.config.source.open()
    for raw, file, content in ADDED[name][2]:
        add(daily.root, source, raw, [write(tmp_path / "new" / raw / file, content)])
        shutil.copy(tmp_path / "new" / raw / file, whole.root / layout.DATA / raw / file)
    write_pin(whole.root / layout.DATA, whole.root / layout.DATA_PIN)
    metrics = daily.validate()
    assert (metrics["files_known"], metrics["files_new"]) == (before["files_new"], len(ADDED[name][2]))
    assert whole.validate()["files_known"] == 0
    found = rows_of(daily)
    assert found == rows_of(whole)
    assert found[str(layout.VALIDATED), "interactions"]
    assert found[str(layout.QUARANTINE), "interactions"] or metrics["rejected_lines"]


def rows_of(shop):
    folders, tables = (layout.VALIDATED, layout.QUARANTINE), sorted(schema.COLUMNS)
    return {(str(folder), table): shop.rows(folder, table) for folder in folders for table in tables}


@pytest.mark.slow
def test_a_user_of_two_sequences_is_told_of(tmp_path):
    shop = started(tmp_path, "sequences")
    shop.validate()
    assert one_line_per_user(shop)["outcome"] == "holds"
    shop.put("sequences/b.txt", "u1 c\n")
    shop.validate()
    assert one_line_per_user(shop)["outcome"] == "warn"


def one_line_per_user(shop):
    report = json.loads((shop.root / layout.QUALITY / "report.json").read_text())
    (told,) = [rule for rule in report["rules"] if rule["rule"] == "one_line_per_user"]
    return told


CLOSED = {"complete_journey": {}, "open_bandit": {"folder": "x"}, "sql": {"duckdb": "shop.duckdb", "interactions": {
    "table": "t", "columns": {"user_id": "u", "item_id": "i", "timestamp": "t"}}}}  # fmt: skip


def test_every_source_takes_files_or_says_why_not():
    assert set(SOURCES.names()) == {*ADDED, *CLOSED, "tables"}


@pytest.mark.parametrize("name", sorted(CLOSED))
def test_a_source_that_takes_no_file_says_why_and_what_to_do(name, tmp_path):
    source = SourceChoice(component=name, params=CLOSED[name]).open()
    (tmp_path / layout.DATA).mkdir()
    (tmp_path / layout.DATA / "a.txt").write_text("1")
    write_pin(tmp_path / layout.DATA, tmp_path / layout.DATA_PIN)
    assert source.by_file() == ()
    with pytest.raises(
        DataError, match=f"no file can be added to the source {name}: .*(use --replace|source `tables`)"
    ):
        add(tmp_path, source, next(iter(source.raw)), [tmp_path / "b.txt"])
