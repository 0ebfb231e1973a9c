"""The default source: titles, the calendar of weeks, shares over stores. What every source keeps: tests/contracts."""

from datetime import date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import layout
from components.core.errors import DataError
from components.data.engine import connect, read_parquet
from components.data.pin import write_pin
from components.data.sources import complete_journey
from components.steps.ingest import IngestConfig, ingest

DATA_PIN = layout.DATA_PIN


@pytest.fixture
def con():
    con = connect(0.5, 1)
    yield con
    con.disconnect()


def stored(con, folder, columns):
    """Columns as a table that the engine reads."""
    pq.write_table(pa.table(columns), folder / "table.parquet")
    return read_parquet(con, folder / "table.parquet")


def title_of(con, folder, category, kind, size):
    columns = {"department": "MEAT", "product_category": category, "product_type": kind, "package_size": size}
    t = stored(con, folder, {name: pa.array([value], pa.string()) for name, value in columns.items()})
    return t.select(title=complete_journey.title(t)).to_pyarrow()["title"][0].as_py()


@pytest.mark.parametrize(
    ("category", "kind", "size", "expected"),
    [
        ("YOGURT", "YOGURT NOT MULTI-PACKS", "6 OZ", "Yogurt not multi-packs, 6 OZ"),
        ("ICE CREAM/MILK/SHERBTS", "PREMIUM", "56 OZ", "Ice cream/milk/sherbts: premium, 56 OZ"),
        ("CANDY - CHECKLANE", "CANDY BARS (SINGLES)(INCLUDING", None, "Candy bars (singles)"),
        ("BEEF", None, None, "Beef"),
        (None, None, "816660  PK", "Meat item, 816660 PK"),
    ],
)
def test_a_title_is_readable(con, tmp_path, category, kind, size, expected):
    assert title_of(con, tmp_path, category, kind, size) == expected


def at(*parts):
    return datetime(*parts)  # noqa: DTZ001 - the source's times are UTC without a zone


def test_weeks_begin_on_monday_at_the_shops_clock_not_at_utc():
    spans = [(1, at(2017, 1, 1, 12), at(2017, 1, 2, 4, 59)), (2, at(2017, 1, 2, 5, 1), at(2017, 1, 9, 4, 59))]
    assert complete_journey.week_one(spans, "America/New_York") == date(2016, 12, 26)


def test_a_week_that_does_not_fit_the_calendar_is_named():
    spans = [(1, at(2017, 1, 1, 12), at(2017, 1, 1, 13)), (2, at(2017, 1, 2, 6), at(2017, 1, 20))]
    with pytest.raises(DataError, match="week 2 holds an event of 2017-01-19"):
        complete_journey.week_one(spans, "America/New_York")


def test_a_calendar_without_events_is_refused():
    with pytest.raises(DataError, match="no event"):
        complete_journey.week_one([], "America/New_York")


def test_a_store_counts_once_however_often_it_lists_a_promotion(con, tmp_path):
    rows = {
        "product_id": [1, 1, 1],
        "store_id": [7, 7, 8],
        "display_location": ["9", "0", "0"],
        "mailer_location": ["0", "A", "A"],
        "week": [2, 2, 2],
    }
    table = complete_journey.promotions(stored(con, tmp_path, rows), date(2016, 12, 26))
    assert table.to_pyarrow().to_pylist() == [
        {"item_id": "1", "week_start": at(2017, 1, 2), "display_share": 0.5, "mailer_share": 1.0}
    ]


def test_ingest_leaves_pinned_data_alone_and_refuses_others(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("a")
    write_pin(tmp_path / "data", tmp_path / DATA_PIN)
    before = (tmp_path / "data" / "a").stat().st_mtime_ns
    assert "already there" in ingest(IngestConfig(), tmp_path, 0).summary
    assert (tmp_path / "data" / "a").stat().st_mtime_ns == before
    (tmp_path / "data" / "a").write_text("b")
    with pytest.raises(DataError, match="altered: a"):
        ingest(IngestConfig(), tmp_path, 0)


def test_a_source_that_brings_other_bytes_than_the_pinned_ones_leaves_no_data(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a").write_text("a")
    write_pin(tmp_path / "other", tmp_path / DATA_PIN)
    with pytest.raises(DataError, match=r"missing: a; not expected: campaign_descriptions.parquet"):
        ingest(IngestConfig(), tmp_path, 0)
    assert not (tmp_path / "data").exists()
