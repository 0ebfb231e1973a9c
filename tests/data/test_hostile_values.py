"""Every hostile value is told of with its row, or comes out as it was written; the rows beside it stay."""

import pytest

from components.core import schema as s
from components.core.config import parse
from components.data import engine
from components.data.engine import EngineConfig
from components.data.sources.tables import Tables, TablesConfig
from tests.data.hostile.values import GOOD, VALUES, at, source, write_csv


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    """Canonical rows of each case: a good row, the case's, another good one. Cases of one time format share a file."""
    found = {}
    for time in sorted({case.time for case in VALUES}):
        cases = [case for case in VALUES if case.time == time]
        folder = tmp_path_factory.mktemp("shop")
        good = (
            GOOD
            if dict(time)["format"] == "iso"
            else GOOD | {"at": "1709632800" + "000" * ("ms" in dict(time)["format"])}
        )
        rows = [row for case in cases for row in (good, good | {case.column: case.text}, good)]
        write_csv(folder / "events.csv", rows)
        shop = source(str(folder / "events.csv"), dict(time))
        (folder / "data").mkdir()
        shop.ingest(folder / "data")
        con = engine.connect()
        table = shop.tables(con, shop.land(folder / "data", folder / "work"))[s.INTERACTIONS_TABLE]
        read = {row[s.SOURCE_ROW]: row for row in table.to_pyarrow().to_pylist()}
        con.disconnect()
        found |= {case.name: [read[3 * i + line] for line in (2, 3, 4)] for i, case in enumerate(cases)}
    return found


@pytest.mark.parametrize("case", VALUES, ids=lambda case: case.name)
def test_each_hostile_value_gets_its_verdict(case, mapped):
    before, row, after = mapped[case.name]
    assert (before[s.PROBLEM], after[s.PROBLEM]) == (None, None)
    assert before[s.TIMESTAMP] in (at(2024, 3, 5, 9), at(2024, 3, 5, 10))
    column, expected = case.canonical
    assert row[column] == expected and str(row[column]) == str(expected)
    assert row[s.PROBLEM] == (case.words or None)


NAMES = ("user'; DROP TABLE interactions; --", 'item"`\\', "when (UTC) = {now}", "price.€ 100%")


@pytest.mark.parametrize("name", ["duckdb", pytest.param("spark", marks=pytest.mark.slow)])
def test_strange_column_names_reach_no_engine_unescaped(name, tmp_path):
    quoted = ",".join('"' + column.replace('"', '""') + '"' for column in NAMES)
    (tmp_path / "data" / "interactions").mkdir(parents=True)
    (tmp_path / "data" / "interactions" / "a'; --.csv").write_text(
        f"{quoted}\nu1,i1,2024-03-05,2.50\n", encoding="utf-8"
    )
    columns = dict(zip((s.USER_ID, s.ITEM_ID, s.TIMESTAMP, s.VALUE), NAMES, strict=True))
    shop = Tables(parse(TablesConfig, {"interactions": {"files": "unused", "columns": columns}}, "source tables"))
    con = EngineConfig(component=name).open()
    table = shop.tables(con, shop.land(tmp_path / "data", tmp_path / "work"))[s.INTERACTIONS_TABLE]
    (row,) = table.execute().to_dict("records")
    con.disconnect()
    assert [row[c] for c in columns] == ["u1", "i1", at(2024, 3, 5), 2.5]
    assert (row[s.SOURCE_FILE], row[s.PROBLEM]) == ("interactions/a'; --.csv", None)
