"""The committed suites accept good data and reject each planted fault: the real step, real Great Expectations."""

import json
import math
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from components.__main__ import main
from components.core import layout
from components.core.errors import DataError
from components.data.sources.complete_journey import CompleteJourney
from components.steps.clean import CleanConfig, clean
from components.steps.readmission import readmit
from components.steps.validate import ValidateConfig, validate

pytestmark = pytest.mark.slow
LENIENT = ValidateConfig(max_quarantined_share=0.5)


@pytest.fixture(scope="module")
def accepted(tmp_path_factory, write):
    """A validated project with good data."""
    root = tmp_path_factory.mktemp("good")
    write(root)
    return root, validate(ValidateConfig(), root, 0)


def spoil(tables, table, column, value, row=0):
    """Plant one value."""
    tables[table][column][row] = value


def quarantined(root):
    return pq.read_table(root / layout.QUARANTINE / "interactions.parquet").to_pylist()


def test_good_data_are_accepted_whole(accepted):
    root, result = accepted
    assert result.metrics["quarantined"] == 0
    validated = {p.stem: pq.read_metadata(p).num_rows for p in (root / layout.VALIDATED).glob("*.parquet")}
    assert validated == {"interactions": 200, "items": 5, "users": 2, "promotions": 2}
    assert not list((root / layout.QUARANTINE).glob("*.parquet"))


def test_the_report_says_every_rule_in_words_and_loads_nothing(accepted):
    root, result = accepted
    report = json.loads((root / layout.QUALITY / "report.json").read_text())
    page = (root / layout.QUALITY / "report.html").read_text()
    assert len(report["rules"]) == result.metrics["rules"]
    assert report["accepted"] is True
    assert all(rule["words"] and rule["why"] for rule in report["rules"])
    assert "quantity is finite and lies between 1 and 100000" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "<script" not in page


def test_the_same_data_give_the_same_bytes(accepted, write, tmp_path):
    root, _ = accepted
    write(tmp_path)
    validate(ValidateConfig(), tmp_path, 0)
    for file in (root / layout.VALIDATED).iterdir():
        assert file.read_bytes() == (tmp_path / layout.VALIDATED / file.name).read_bytes()


ROW_FAULTS = [
    ("household_id", None, "user_id_present"),
    ("product_id", None, "item_id_present"),
    ("sales_value", -1.0, "value_in_range"),
    ("sales_value", math.inf, "value_in_range"),
    ("sales_value", math.nan, "value_in_range"),
    ("sales_value", None, "value_present"),
    ("quantity", 0, "quantity_in_range"),
    ("retail_disc", -0.5, "discount_in_range"),
    ("coupon_disc", -math.inf, "coupon_discount_in_range"),
]


def test_every_bad_row_is_set_aside_with_its_rule_and_reason_and_the_others_stay(tables, write, tmp_path):
    for row, (column, value, _) in enumerate(ROW_FAULTS):
        spoil(tables, "transactions", column, value, row)
    write(tmp_path, tables)
    result = validate(LENIENT, tmp_path, 0)
    found = quarantined(tmp_path)
    assert [(row["row"], row["rule"]) for row in sorted(found, key=lambda r: r["row"])] == [
        (i + 1, rule) for i, (_, _, rule) in enumerate(ROW_FAULTS)
    ]
    assert all(row["reason"] for row in found)
    assert result.metrics["quarantined_interactions"] == len(ROW_FAULTS)
    kept = pq.read_table(tmp_path / layout.VALIDATED / "interactions.parquet")
    assert set(kept["session_id"].to_pylist()) == {str(1000 + i) for i in range(len(ROW_FAULTS), 200)}


def test_the_quarantine_keeps_the_original_row(tables, write, tmp_path):
    spoil(tables, "transactions", "sales_value", -3.25, row=6)
    write(tmp_path, tables)
    validate(LENIENT, tmp_path, 0)
    (row,) = quarantined(tmp_path)
    assert (row["row"], row["user_id"], row["item_id"], row["value"]) == (7, "3", "2", -3.25)
    assert "negative" in row["reason"]


def test_a_row_that_breaks_two_rules_is_listed_twice_and_counted_once(tables, write, tmp_path):
    spoil(tables, "transactions", "sales_value", -1.0)
    spoil(tables, "transactions", "quantity", 0)
    write(tmp_path, tables)
    result = validate(LENIENT, tmp_path, 0)
    assert [row["rule"] for row in quarantined(tmp_path)] == ["quantity_in_range", "value_in_range"]
    assert result.metrics["quarantined"] == 1


def test_events_of_the_future_are_set_aside(tables, write, tmp_path):
    spoil(tables, "transactions", "transaction_timestamp", datetime(2030, 1, 1, 17), row=199)  # noqa: DTZ001
    spoil(tables, "transactions", "week", 680, row=199)
    write(tmp_path, tables)
    validate(LENIENT, tmp_path, 0)
    assert [row["rule"] for row in quarantined(tmp_path)] == ["timestamp_in_range"]


def test_a_table_with_too_many_bad_rows_stops_the_run_and_leaves_the_report_and_the_rows(
    tables, write, tmp_path, monkeypatch
):
    tables["transactions"]["quantity"][:4] = [0] * 4
    spoil(tables, "transactions", "sales_value", -3.25, row=6)
    write(tmp_path, tables)
    words = (
        r"at most 2.0% of the rows are set aside: 5 of 200 rows; by rule: quantity_in_range 4 \(e.g. 0.0\), value_in"
    )
    with pytest.raises(DataError, match=words):
        validate(ValidateConfig(), tmp_path, 0)
    assert json.loads((tmp_path / layout.QUALITY / "report.json").read_text())["accepted"] is False
    assert not (tmp_path / layout.VALIDATED).exists()
    found = {row["row"]: (row["rule"], json.loads(row["original"])["sales_value"]) for row in quarantined(tmp_path)}
    assert found == dict.fromkeys((1, 2, 3, 4), ("quantity_in_range", 1.5)) | {7: ("value_in_range", -3.25)}
    assert listed(tmp_path, monkeypatch).startswith("validate refused these data and accepted no row: interactions: at")


def listed(root, monkeypatch):
    """What `shoploop quarantine list` says."""
    monkeypatch.chdir(root)
    answer = CliRunner().invoke(main, ["quarantine", "list"])
    assert answer.exit_code == 0, answer.output
    return answer.output


def test_nothing_is_made_of_accepted_rows_beside_the_quarantine_of_refused_ones(tables, write, tmp_path, monkeypatch):
    write(tmp_path)
    validate(ValidateConfig(), tmp_path, 0)
    assert listed(tmp_path, monkeypatch) == "the quarantine is empty: every row that was read was accepted\n"
    tables["transactions"]["quantity"][:5] = [0] * 5
    write(tmp_path, tables)
    assert "the quarantine of an earlier run" in listed(tmp_path, monkeypatch)
    with pytest.raises(DataError, match="the data are refused"):
        validate(ValidateConfig(), tmp_path, 0)
    with pytest.raises(DataError, match="clean: validate refused the data last judged"):
        clean(CleanConfig(), tmp_path, 0)
    with pytest.raises(DataError, match="validate refused these data, so no row can be re-admitted"):
        readmit(ValidateConfig(), tmp_path, "anna", "to see", datetime(2024, 1, 1, tzinfo=UTC))
    validate(LENIENT, tmp_path, 0)
    assert "refused" not in listed(tmp_path, monkeypatch)
    assert clean(CleanConfig(), tmp_path, 0).metrics["interactions_rows"] == 195


TABLE_FAULTS = {
    "duplicated ids": (lambda t: spoil(t, "products", "product_id", 2), "items: no item_id comes twice"),
    "items of another snapshot": (
        lambda t: t["products"].update(product_id=[91, 92, 93, 94, 95]),
        "at least 99% of the lines name a listed product",
    ),
    "unknown promotion code": (
        lambda t: spoil(t, "promotions", "mailer_location", "?"),
        "raw_promotions: mailer_location is one of",
    ),
}


@pytest.mark.parametrize("fault", TABLE_FAULTS)
def test_a_bad_table_stops_the_run(tables, write, tmp_path, fault):
    plant, words = TABLE_FAULTS[fault]
    plant(tables)
    write(tmp_path, tables)
    with pytest.raises(DataError, match=words):
        validate(LENIENT, tmp_path, 0)
    assert not (tmp_path / layout.VALIDATED).exists()


def test_an_empty_table_stops_the_run(tables, write, tmp_path):
    tables["demographics"] = {column: [] for column in tables["demographics"]}
    write(tmp_path, tables)
    with pytest.raises(DataError, match="users: the table has"):
        validate(LENIENT, tmp_path, 0)


def test_duplicated_lines_are_kept_for_clean_and_shown(tables, write, tmp_path):
    for values in tables["transactions"].values():
        values.append(values[-1])
    write(tmp_path, tables)
    result = validate(LENIENT, tmp_path, 0)
    assert result.metrics["quarantined"] == 0
    report = json.loads((tmp_path / layout.QUALITY / "report.json").read_text())
    found = {rule["rule"]: rule for rule in report["rules"] if rule["table"] == "interactions"}
    assert found["events_unique"]["outcome"] == "warn"


def test_a_missing_column_is_named(tables, write, tmp_path):
    del tables["transactions"]["sales_value"]
    write(tmp_path, tables)
    with pytest.raises(DataError, match=r"transactions.parquet: column 'sales_value' is missing"):
        validate(LENIENT, tmp_path, 0)


def test_a_truncated_file_is_named(tables, write, tmp_path):
    from components.data.pin import write_pin

    write(tmp_path, tables)
    file = tmp_path / layout.DATA / "products.parquet"
    file.write_bytes(file.read_bytes()[:-100])
    write_pin(tmp_path / layout.DATA, tmp_path / layout.DATA_PIN)
    with pytest.raises(DataError, match=r"products.parquet: cannot be read as parquet"):
        validate(LENIENT, tmp_path, 0)


def test_other_bytes_than_the_pinned_ones_are_refused(tables, write, tmp_path):
    write(tmp_path, tables)
    (tmp_path / layout.DATA / "products.parquet").write_bytes(b"other")
    with pytest.raises(DataError, match=r"not the pinned data: altered: products.parquet"):
        validate(LENIENT, tmp_path, 0)


RULE = {"rule": "r", "outcome": "warn", "words": "w", "why": "y"}


def change(root, name, edit):
    file = root / layout.EXPECTATIONS / f"{name}.json"
    suite = json.loads(file.read_text())
    edit(suite["expectations"])
    file.write_text(json.dumps(suite))


def test_a_condition_that_matches_no_row_stops_the_run(tables, write, tmp_path):
    write(tmp_path, tables)
    nothing = {"type": "comparison", "column": {"name": "title"}, "operator": "==", "parameter": "nothing"}
    kwargs = {"column": "brand", "row_condition": nothing}
    rule = {"type": "expect_column_values_to_not_be_null", "kwargs": kwargs, "meta": RULE}
    twin_kwargs = {"min_value": 1, "max_value": 9, "row_condition": nothing}
    twin = {"type": "expect_table_row_count_to_be_between", "kwargs": twin_kwargs, "meta": RULE | {"rule": "twin"}}
    change(tmp_path, "items", lambda rules: rules.extend([rule, twin]))
    with pytest.raises(DataError, match="items: w: it looked at no row"):
        validate(LENIENT, tmp_path, 0)


def test_a_rule_about_a_column_that_is_not_there_stops_the_run(tables, write, tmp_path):
    write(tmp_path, tables)
    rule = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "colour"}, "meta": RULE}
    change(tmp_path, "items", lambda rules: rules.append(rule))
    with pytest.raises(DataError, match=r"items: w: .*colour"):
        validate(LENIENT, tmp_path, 0)


def test_a_canonical_table_without_a_suite_is_refused(tables, write, tmp_path):
    write(tmp_path, tables)
    for name in ("users", "complete_journey.users"):
        (tmp_path / layout.EXPECTATIONS / f"{name}.json").unlink()
    with pytest.raises(DataError, match="every canonical table needs one suite"):
        validate(LENIENT, tmp_path, 0)


def test_a_source_without_promotions_passes_their_shared_suite_by(write, tmp_path, monkeypatch):
    whole = CompleteJourney.tables

    def without_promotions(self, con, folder):
        return {name: table for name, table in whole(self, con, folder).items() if name != "promotions"}

    monkeypatch.setattr(CompleteJourney, "tables", without_promotions)
    write(tmp_path)
    (tmp_path / layout.EXPECTATIONS / "complete_journey.promotions.json").unlink()
    (tmp_path / layout.EXPECTATIONS / "complete_journey.raw_promotions.json").unlink()
    validate(ValidateConfig(), tmp_path, 0)
    assert {p.stem for p in (tmp_path / layout.VALIDATED).glob("*.parquet")} == {"interactions", "items", "users"}
