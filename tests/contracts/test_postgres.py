"""The sql source on a real PostgreSQL server, started from Debian's package where it is there."""

from datetime import datetime

import pytest

from components.core.errors import DataError
from components.data import engine
from components.data.source import SourceChoice
from tests import postgres

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not postgres.SERVERS, reason=postgres.MISSING)]
ROWS = """
CREATE SCHEMA sales;
CREATE TABLE sales.order_lines (order_id int, customer_id uuid, sku text, ordered_at timestamptz, amount numeric(9, 2));
INSERT INTO sales.order_lines VALUES
  (2, '00000000-0000-0000-0000-000000000002', ' 007', '2024-01-02 10:00+01', 1.10),
  (1, '00000000-0000-0000-0000-000000000001', 'B', '2024-01-01 10:00+01', 12345.67),
  (3, NULL, 'B', '2024-01-03 10:00+01', NULL),
  (4, NULL, 'B', '2024-01-04 10:00+01', 'NaN');
CREATE TABLE products (sku text, name text, tags jsonb);
INSERT INTO products VALUES (' 007', 'Tea', '["hot"]'), ('B', 'Brød', NULL);
"""
PARAMS = {
    "url_from": "SHOP_DATABASE_URL",
    "interactions": {
        "table": "order_lines",
        "database": "sales",
        "columns": {
            "user_id": "customer_id",
            "item_id": "sku",
            "timestamp": "ordered_at",
            "value": "amount",
            "session_id": "order_id",
        },
    },
    "items": {"query": "SELECT sku, name, tags FROM products", "columns": {"item_id": "sku", "title": "name"},
              "attributes": ["tags"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def url():
    """URL of a server with a few orders."""
    with postgres.server() as address:
        fill(address)
        yield address


def fill(address):
    import psycopg

    with psycopg.connect(address) as con:
        con.execute(ROWS)


def read(root):
    source = SourceChoice(component="sql", params=PARAMS).open()
    (root / "data").mkdir()
    (root / "landed").mkdir()
    source.ingest(root / "data")
    con = engine.connect()
    tables = source.tables(con, source.land(root / "data", root / "landed"))
    found = {name: table.to_pyarrow().to_pylist() for name, table in tables.items()}
    con.disconnect()
    return found


def test_tables_and_queries_become_canonical(url, tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_DATABASE_URL", url)
    found = read(tmp_path)
    events = sorted(found["interactions"], key=lambda e: e["timestamp"])
    assert [(e["user_id"], e["item_id"], e["timestamp"], e["value"], e["session_id"]) for e in events] == [
        ("00000000-0000-0000-0000-000000000001", "B", utc(2024, 1, 1, 9), 12345.67, "1"),
        ("00000000-0000-0000-0000-000000000002", "007", utc(2024, 1, 2, 9), 1.1, "2"),
        (None, "B", utc(2024, 1, 3, 9), None, "3"),
        (None, "B", utc(2024, 1, 4, 9), None, "4"),
    ]
    assert events[-1]["problem"] == "value: 'nan' is not a number"
    assert {i["item_id"]: (i["title"], i["attributes"]) for i in found["items"]} == {
        "007": ("Tea", '{"tags": "[\\"hot\\"]"}'),
        "B": ("Brød", None),
    }


def test_an_unchanged_database_gives_the_same_bytes(url, tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_DATABASE_URL", url)
    for run in ("one", "two"):
        (tmp_path / run).mkdir()
        read(tmp_path / run)
    files = ["interactions/interactions.parquet", "items/items.parquet"]
    one, two = ([(tmp_path / run / "data" / file).read_bytes() for file in files] for run in ("one", "two"))
    assert one == two


def test_what_goes_wrong_is_told_without_the_password(url, tmp_path, monkeypatch):
    source = SourceChoice(component="sql", params=PARAMS).open()
    monkeypatch.setenv("SHOP_DATABASE_URL", url.replace("/postgres", "/nothing"))
    with pytest.raises(DataError, match="SHOP_DATABASE_URL") as told:
        source.ingest(tmp_path)
    assert "secret" not in str(told.value)
    monkeypatch.delenv("SHOP_DATABASE_URL")
    with pytest.raises(DataError, match="environment variable SHOP_DATABASE_URL is not set"):
        source.ingest(tmp_path)


def utc(*parts):
    return datetime(*parts)  # noqa: DTZ001 - canonical times are UTC without a zone
