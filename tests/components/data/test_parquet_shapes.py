"""Parquet as programs write it: bytes, UUIDs, lists and records lose no row, and what they cannot be is said."""

import json
import uuid

import pyarrow as pa
import pyarrow.parquet as pq

from components.core import schema
from components.data import engine
from components.data.landing import FileFormat, Limits, land
from components.data.source import SourceChoice

ID = uuid.UUID("12345678-1234-5678-1234-567812345678")
TABLE = pa.table(
    {
        "who": pa.array([ID.bytes, None], pa.uuid()),
        "code": pa.array([b"\x00\xff", b"i2"], pa.binary()),
        "what": ["i1", "i2"],
        "when": pa.array([1_700_000_000_000_000_000, 1_700_000_001_000_000_000], pa.timestamp("ns")),
        "tags": [["a", "é"], None],
        "size": pa.array([{"x": 1, "y": 2.5}, None], pa.struct({"x": pa.int64(), "y": pa.float64()})),
        "counts": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
    }
)


def mapped(root, **columns):
    pq.write_table(TABLE, root / "a.parquet")
    params = {
        "files": str(root / "a.parquet"),
        "interactions": {"columns": {"user_id": "who", "item_id": "what", "timestamp": "when"} | columns},
        "items": {"columns": {"item_id": "what"}, "attributes": ["tags", "size", "code"]},
    }
    source = SourceChoice(component="tables", params=params).open()
    (root / "data").mkdir()
    (root / "work").mkdir()
    source.ingest(root / "data")
    con = engine.connect(0.5, 1)
    tables = source.tables(con, source.land(root / "data", root / "work"))
    found = {name: table.order_by(schema.ITEM_ID).to_pyarrow().to_pylist() for name, table in tables.items()}
    con.disconnect()
    return found


def test_bytes_that_are_no_text_are_missing_and_told_and_uuids_are_written_out(tmp_path):
    pq.write_table(TABLE, tmp_path / "a.parquet")
    (tmp_path / "work").mkdir()
    landed = land("t", [tmp_path / "a.parquet"], FileFormat(), tmp_path / "work", Limits(), tmp_path)
    assert (landed.rows, landed.rejected) == (2, 0)
    assert landed.remarks == ("a.parquet: column 'code' holds bytes that are no text; they are missing there",)
    rows = pq.read_table(landed.path).to_pylist()
    assert [(row["who"], row["code"]) for row in rows] == [(str(ID), None), (None, "i2")]


def test_lists_and_records_are_json_and_no_numbers(tmp_path):
    found = mapped(tmp_path, value="counts", quantity="when")
    attributes = [json.loads(row[schema.ATTRIBUTES]) for row in found["items"]]
    assert [json.loads(attributes[0][name]) for name in ("tags", "size")] == [["a", "é"], {"x": 1, "y": 2.5}]
    first, second = found["interactions"]
    assert (first[schema.USER_ID], first[schema.VALUE], first[schema.QUANTITY]) == (str(ID), None, None)
    assert first[schema.PROBLEM] == (
        "value: '{\"k\":1}' is not a number; quantity: '2023-11-14 22:13:20' is not a number"
    )
    assert second[schema.VALUE] is None
