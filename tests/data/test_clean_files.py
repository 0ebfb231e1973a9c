"""Clean files of all shapes raise no alarm and give the same canonical rows."""

import pytest

from components.core import layout
from components.core import schema as s
from components.core.bundle import read_json
from components.data import engine
from tests.data.hostile.clean import COLUMNS, EVENTS, SHAPES, source
from tests.data.hostile.shop import validated

ALARMS = {"quarantine", "warn", "stop"}
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)


def landed(shape, folder):
    """The source of the shape, and the folder its files are landed in."""
    (folder / "shop").mkdir()
    (folder / "data").mkdir()
    shape.make(folder / "shop")
    shop = source(shape, folder / "shop")
    shop.ingest(folder / "data")
    return shop, shop.land(folder / "data", folder / "work")


@every_shape
def test_a_clean_file_is_landed_without_a_word(shape, tmp_path):
    _, work = landed(shape, tmp_path)
    told = read_json(work / "interactions.landed.json")
    assert (told["rows"], told["rejected"], told["remarks"]) == (len(EVENTS), 0, [])


@pytest.mark.slow
@every_shape
def test_a_clean_file_gives_its_events(shape, tmp_path):
    shop, work = landed(shape, tmp_path)
    con = engine.connect()
    rows = shop.tables(con, work)[s.INTERACTIONS_TABLE].to_pyarrow().to_pylist()
    con.disconnect()
    assert {row[s.PROBLEM] for row in rows} == {None}
    columns = (s.USER_ID, s.ITEM_ID, s.TIMESTAMP, s.VALUE, s.QUANTITY)
    assert sorted(tuple(row[c] for c in columns) for row in rows) == sorted(EVENTS)


@pytest.mark.slow
@every_shape
def test_no_rule_raises_an_alarm_at_a_clean_file(shape, tmp_path):
    (tmp_path / "shop").mkdir()
    shape.make(tmp_path / "shop")
    validated(tmp_path, {"interactions": {"files": str(tmp_path / "shop"), "columns": COLUMNS, **shape.params}})
    rules = read_json(tmp_path / layout.QUALITY / "report.json")["rules"]
    assert len(rules) > 20
    assert [(rule["rule"], rule["observed"]) for rule in rules if rule["outcome"] in ALARMS] == []
