"""Clean files of all shapes raise no alarm and give the same canonical rows."""

import pytest

from components.core import schema as s
from components.core.bundle import read_json
from components.data import engine
from tests.data.hostile.clean import EVENTS, SHAPES, source


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_clean_file_gives_its_events_without_a_word(shape, tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "data").mkdir()
    shape.make(tmp_path / "shop")
    shop = source(shape, tmp_path / "shop")
    shop.ingest(tmp_path / "data")
    landed = shop.land(tmp_path / "data", tmp_path / "work")
    told = read_json(landed / "interactions.landed.json")
    assert (told["rows"], told["rejected"], told["remarks"]) == (len(EVENTS), 0, [])
    con = engine.connect()
    rows = shop.tables(con, landed)[s.INTERACTIONS_TABLE].to_pyarrow().to_pylist()
    con.disconnect()
    assert {row[s.PROBLEM] for row in rows} == {None}
    columns = (s.USER_ID, s.ITEM_ID, s.TIMESTAMP, s.VALUE, s.QUANTITY)
    assert sorted(tuple(row[c] for c in columns) for row in rows) == sorted(EVENTS)
