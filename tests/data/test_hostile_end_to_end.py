"""Hostile tables through the real steps: landed, mapped, judged, cleaned; nothing passes silently."""

import random
from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from components.core import layout
from components.core import schema as s
from components.core.bundle import read_json
from components.core.errors import DataError
from components.steps.clean import CleanConfig, clean
from tests.data.hostile import values
from tests.data.hostile.clean import COLUMNS, EVENTS, SHAPES, lines
from tests.data.hostile.shop import validated
from tests.data.hostile.values import BERLIN, GOOD, LONG, VALUES, write_csv

pytestmark = pytest.mark.slow
ISO = [case for case in VALUES if case.time == (*BERLIN.items(),)]
HOSTILE_NAME = "x'; DROP TABLE interactions; --<b>.csv"


def read(root, folder, table=s.INTERACTIONS_TABLE):
    return pq.read_table(root / folder / f"{table}.parquet").to_pylist()


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A shop whose rows are all the hostile values, each after a good row, in a file of a hostile name."""
    root = tmp_path_factory.mktemp("hostile")
    rows = [row for i, case in enumerate(ISO) for row in (GOOD | {"user": f"g{i}"}, GOOD | {case.column: case.text})]
    write_csv(root / HOSTILE_NAME, rows)
    params = {"interactions": {"files": str(root / HOSTILE_NAME), "columns": values.COLUMNS, "time": BERLIN}}
    few = {"items_fit": {"mostly": 0.9}}  # one line in twenty names no product at all
    return root, validated(root, params, max_quarantined_share=0.9, thresholds=few)


def test_a_value_that_cannot_be_read_sets_its_row_aside_with_the_words(judged):
    root, _ = judged
    aside = {row[s.SOURCE_ROW]: row for row in read(root, layout.QUARANTINE) if row["rule"] == "readable"}
    for i, case in enumerate(ISO):
        assert 2 * i + 2 not in aside
        if case.words:
            assert case.words in aside[2 * i + 3][s.PROBLEM], case.name
        else:
            assert 2 * i + 3 not in aside, case.name


def test_an_id_of_ten_thousand_characters_is_set_aside(judged):
    root, _ = judged
    (row,) = [row for row in read(root, layout.QUARANTINE) if row[s.ITEM_ID] == LONG]
    assert row["rule"] == "item_id_not_empty"


def test_no_row_is_lost_between_the_file_and_the_two_tables(judged):
    root, result = judged
    aside = {row[s.SOURCE_ROW] for row in read(root, layout.QUARANTINE)}
    kept = {row[s.SOURCE_ROW] for row in read(root, layout.VALIDATED)}
    assert aside | kept == set(range(2, 2 * len(ISO) + 2)) and not aside & kept
    assert result.metrics["quarantined_interactions"] == len(aside)


def test_what_the_mapping_changed_is_counted_in_the_report_and_its_twin(judged):
    root, _ = judged
    found = read_json(root / layout.QUALITY / "report.json")["changed_by_mapping"]["interactions"]
    rows = read(root, layout.VALIDATED)
    moved = sum("time_zone_converted" in (row[s.CHANGED] or "") for row in rows)
    assert moved <= found["time_zone_converted"] <= 2 * len(ISO)
    assert found["negative_zero"] >= 1
    page = (root / layout.QUALITY / "report.html").read_text(encoding="utf-8")
    assert "rows with a time moved from its clock to UTC" in page and "negative zero that became 0" in page


def test_strange_words_are_harmless_in_the_page_and_in_names_of_files(judged):
    root, _ = judged
    page = (root / layout.QUALITY / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page and "<b>.csv" not in page and "HYPERLINK" not in page
    assert {row[s.SOURCE_FILE] for row in read(root, layout.VALIDATED)} == {f"interactions/{HOSTILE_NAME}"}


def shop(folder, content, **params):
    """Parameters of a shop with one CSV file."""
    (folder / "events.csv").write_text(content, encoding="utf-8")
    return {"interactions": {"files": str(folder / "events.csv"), "columns": COLUMNS, **params}}


def cleaned(root, **cleaners):
    """Rows of the clean step without their trace, and what it counted."""
    clean(CleanConfig(cleaners=cleaners), root, 0)
    return read(root, layout.CLEAN), read_json(root / layout.CLEAN / "counts.json")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Clean interactions of the clean events."""
    root = tmp_path_factory.mktemp("reference")
    result = validated(root, shop(root, lines()))
    assert (result.metrics["quarantined"], result.metrics["rows"]) == (0, len(EVENTS) + 5)
    return root, cleaned(root)[0]


def test_everything_unsorted_gives_the_same_bytes(reference, tmp_path):
    root, _ = reference
    header, *rows = lines().splitlines(keepends=True)
    random.Random(7).shuffle(rows)
    validated(tmp_path, shop(tmp_path, header + "".join(rows)))
    cleaned(tmp_path)
    name = f"{s.INTERACTIONS_TABLE}.parquet"
    assert (tmp_path / layout.CLEAN / name).read_bytes() == (root / layout.CLEAN / name).read_bytes()


def test_half_the_file_duplicated_is_told_of_and_counted_once(reference, tmp_path):
    header, *rows = lines().splitlines(keepends=True)
    result = validated(tmp_path, shop(tmp_path, header + "".join(rows + rows[::2])))
    report = read_json(tmp_path / layout.QUALITY / "report.json")
    (rule,) = [r for r in report["rules"] if r["rule"] == "events_unique" and r["table"] == s.INTERACTIONS_TABLE]
    assert result.metrics["warnings"] >= 1 and (rule["outcome"], rule["unexpected"]) == ("warn", len(rows) // 2)
    found, counts = cleaned(tmp_path)
    assert found == reference[1]
    assert counts["interactions_duplicates"] == len(rows) // 2


def test_one_user_with_half_the_events_is_told_of_and_a_robot_goes_where_params_say_so(tmp_path):
    header, *rows = lines().splitlines(keepends=True)
    first = EVENTS[0][2]
    many = [f"robot,p1,{(first + timedelta(seconds=i)).isoformat()},1.00,1\n" for i in range(len(rows))]
    validated(tmp_path, shop(tmp_path, header + "".join(rows + many), events=[{"type": "view"}]))
    report = read_json(tmp_path / layout.QUALITY / "report.json")
    (rule,) = [r for r in report["rules"] if r["rule"] == "not_one_user"]
    assert (rule["outcome"], rule["observed"]) == ("warn", "one user has 40 of 80 events")
    found, _ = cleaned(tmp_path)
    assert sum(row[s.USER_ID] == "robot" for row in found) == len(many)
    found, counts = cleaned(tmp_path, bots={"max_same_item_per_minute": 20})
    assert sum(row[s.USER_ID] == "robot" for row in found) == 0 and counts["interactions_bots"] == 1


def with_cents():
    """The events, three of which tell their price in cents."""
    header, *rows = lines().splitlines(keepends=True)
    cents = [row.replace(f",{e[3]:.2f},", f",{100 * e[3]:.0f},") for row, e in zip(rows[1:4], EVENTS[1:4], strict=True)]
    return "".join([header, rows[0], *cents, *rows[4:]])


def test_prices_in_cents_among_units_are_counted_where_a_fence_is_declared(tmp_path):
    validated(tmp_path, shop(tmp_path, with_cents()))
    rule = {"column": s.VALUE, "method": "robust_z", "limit": 10, "action": "drop", "min_rows": 10}
    found, counts = cleaned(tmp_path, outliers={"rules": [rule]})
    assert len(found) == len(EVENTS) - 3 and max(row[s.VALUE] for row in found) < 10
    assert [n for name, n in counts.items() if "outlier" in name or s.VALUE in name].count(3) == 1


def test_prices_in_cents_among_units_are_told_of_without_a_fence(tmp_path):
    # Two of the three: the prices here differ 25-fold within an item, so the third lies outside 50 to 200 times.
    result = validated(tmp_path, shop(tmp_path, with_cents()))
    report = read_json(tmp_path / layout.QUALITY / "report.json")
    (rule,) = [r for r in report["rules"] if r["rule"] == "prices_in_one_unit"]
    assert result.metrics["warnings"] == 1 and (rule["outcome"], rule["unexpected"]) == ("warn", 2)
    assert len(cleaned(tmp_path)[0]) == len(EVENTS)


def test_dates_of_next_year_are_set_aside_where_params_give_the_day(tmp_path):
    rows = lines() + "001,p1,2025-03-05T10:00:00,1.00,1\n"
    validated(tmp_path, shop(tmp_path, rows), max_quarantined_share=0.1, freshness={"now": "2024-04-01T00:00:00"})
    (row,) = read(tmp_path, layout.QUARANTINE)
    assert row[s.TIMESTAMP].year == 2025 and "lies in the future" in row["reason"]


def test_a_date_of_next_year_is_told_of_where_params_give_no_day(tmp_path):
    header, *rows = lines().splitlines(keepends=True)
    four_shops = [f"{shop_number}{row}" for shop_number in range(4) for row in rows]
    stray = "001,p1,2025-03-05T10:00:00,1.00,1\n"
    result = validated(tmp_path, shop(tmp_path, header + "".join([*four_shops, stray])))
    assert result.metrics["warnings"] == 1


def test_rejected_lines_and_remarks_of_landing_reach_quarantine_and_report(tmp_path):
    content = lines().replace("customer,product,", ",customer,product,").replace("\n0", "\n1,0") + "ragged\n"
    result = validated(tmp_path, shop(tmp_path, content), max_quarantined_share=0.1)
    (row,) = read(tmp_path, layout.QUARANTINE, "interactions.rejected")
    assert (row["original"], row[s.SOURCE_ROW]) == ("ragged", len(EVENTS) + 2)
    assert result.metrics["warnings"] == 1


@pytest.mark.parametrize("missing", ["customer", "when"])
def test_a_missing_column_is_refused_with_the_columns_there_are(tmp_path, missing):
    with pytest.raises(DataError, match=f"column '{missing}' is not there; found"):
        validated(tmp_path, shop(tmp_path, lines().replace(missing, "renamed", 1)))
    assert not (tmp_path / layout.VALIDATED).exists()


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_clean_files_raise_no_alarm_in_the_report(shape, tmp_path):
    (tmp_path / "shop").mkdir()
    shape.make(tmp_path / "shop")
    params = {"interactions": {"files": str(tmp_path / "shop"), "columns": COLUMNS, **shape.params}}
    result = validated(tmp_path, params)
    assert (result.metrics["quarantined"], result.metrics["warnings"]) == (0, 0)


def test_words_for_nobody_make_no_users_and_one_id_written_two_ways_makes_one(tmp_path):
    strangers = [f"{word},p1,2024-03-05T10:00:00,1.00,1\n" for word in ("NULL", "nan", "None", " ")]
    same = ["17,p1,2024-03-05T10:00:00,1.00,1\n", "17.0,p2,2024-03-06T10:00:00,1.00,1\n"]
    validated(tmp_path, shop(tmp_path, lines() + "".join(strangers + same)), max_quarantined_share=0.2)
    aside = read(tmp_path, layout.QUARANTINE)
    assert [row["rule"] for row in aside] == ["user_id_present"] * 4
    known = [row[s.ITEM_ID] for row in read(tmp_path, layout.VALIDATED) if row[s.USER_ID] == "17"]
    assert sorted(known) == ["p1", "p2"]
    found = read_json(tmp_path / layout.QUALITY / "report.json")["changed_by_mapping"]["interactions"]
    assert (found["id_means_nothing"], found["id_point_zero"]) == (4, 1)


def test_more_bad_rows_than_allowed_are_kept_and_their_rule_is_named(tmp_path):
    bad = [f"00{i},p1,2024-03-05T10:00:00,two,1\n" for i in range(4)]
    with pytest.raises(DataError, match=r"by rule: readable 4 \(e.g. value: 'two' is not a number\)"):
        validated(tmp_path, shop(tmp_path, lines() + "".join(bad)))
    assert sorted(row[s.USER_ID] for row in read(tmp_path, layout.QUARANTINE)) == ["000", "001", "002", "003"]
    assert not (tmp_path / layout.VALIDATED).exists()
