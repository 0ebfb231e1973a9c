"""Every hostile value is told of with its row, or comes out as it was written; the rows beside it stay."""

import pytest

from components.core import schema as s
from components.data import engine
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
