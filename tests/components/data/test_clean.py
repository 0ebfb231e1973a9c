"""Cleaning: every effect on literal rows, and every effect counted."""

import json
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import layout, schema
from components.core.errors import DataError
from components.data.policy import CleanConfig
from components.splits.methods.temporal import TemporalConfig
from components.steps.clean import clean
from components.steps.split import split

NOON = datetime(2017, 1, 2, 17)  # noqa: DTZ001 - canonical times are UTC without a zone


def line(user, item, quantity, session):
    return (user, item, "purchase", NOON, 2.0, float(quantity), session, "s1", 0.0, 0.0)


def bought(user, item, at, session, kind="purchase"):
    return (user, item, kind, at, 2.0, 1.0, session, "s1", 0.0, 0.0)


LINES = [
    line("u1", "milk", 2, "b1"),
    line("u1", "milk", 2, "b1"),  # exact duplicate
    line("u1", "fuel", 9000, "b1"),  # a volume
    line("u2", "fuel", 3, "b2"),  # three of something in the same category
    line("u2", "corn", 144, "b2"),  # many, but counted in pieces
    line("u3", "lost", 1, "b3"),  # not listed
]
ITEMS = [
    ("milk", "Milk, 1 L", "GROCERY", "MILK", "WHOLE", "National", "1", "1 L"),
    ("fuel", "Gasoline", "FUEL", "FUEL", "GASOLINE", "National", "2", None),
    ("corn", "Corn", "PRODUCE", "CORN", None, "National", "3", "  "),
]
FUEL_BY_VOLUME = CleanConfig(cleaners={"units": {"volume_categories": ["FUEL"]}})
USERS = [("u1", "65+", None, "Homeowner", "Married", "2", "2 Adults No Kids", "0")]


def write(root, lines=LINES):
    folder = root / layout.VALIDATED
    folder.mkdir(parents=True)
    tables = {
        "interactions": (schema.INTERACTIONS[:10], lines),
        "items": (schema.ITEMS[:8], ITEMS),
        "users": (schema.USERS[:8], USERS),
    }
    for name, (columns, rows) in tables.items():
        pq.write_table(pa.table(dict(zip(columns, zip(*rows, strict=True), strict=True))), folder / f"{name}.parquet")


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory):
    root = tmp_path_factory.mktemp("cleaned")
    write(root)
    return root, clean(FUEL_BY_VOLUME, root, 0)


def rows(root, name):
    return pq.read_table(root / layout.CLEAN / f"{name}.parquet").to_pylist()


def test_quantities_by_volume_become_one_and_others_stay(cleaned):
    root, _ = cleaned
    found = {(r["user_id"], r["item_id"]): r["quantity"] for r in rows(root, "interactions")}
    assert found == {
        ("u1", "milk"): 2,
        ("u1", "fuel"): 1,
        ("u2", "fuel"): 3,
        ("u2", "corn"): 144,
        ("u3", "lost"): 1,
    }


def test_missing_and_blank_texts_become_unknown(cleaned):
    root, _ = cleaned
    items = {r["item_id"]: r for r in rows(root, "items")}
    assert (items["fuel"]["package_size"], items["corn"]["package_size"]) == ("unknown", "unknown")
    assert (items["corn"]["subcategory"], items["milk"]["subcategory"]) == ("unknown", "WHOLE")
    assert rows(root, "users")[0]["income"] == "unknown"


def test_an_unlisted_item_gets_a_row(cleaned):
    root, _ = cleaned
    stub = {r["item_id"]: r for r in rows(root, "items")}["lost"]
    assert (stub["title"], stub["category"]) == ("Unlisted item lost", "unknown")


def test_no_shop_sells_by_volume_unless_its_categories_are_named(tmp_path):
    write(tmp_path)
    result = clean(CleanConfig(), tmp_path, 0)
    assert result.metrics["interactions_volumes"] == 0
    assert {r["quantity"] for r in rows(tmp_path, "interactions") if r["item_id"] == "fuel"} == {9000, 3}


def test_a_quarantined_item_does_not_come_back_as_a_stub_and_takes_its_lines_along(tmp_path):
    write(tmp_path)
    aside = [(7, "lost", None, "title_present", "no title")]
    columns = dict(zip(("row", "item_id", "title", "rule", "reason"), zip(*aside, strict=True), strict=True))
    (tmp_path / layout.QUARANTINE).mkdir(parents=True)
    pq.write_table(pa.table(columns), tmp_path / layout.QUARANTINE / "items.parquet")
    result = clean(FUEL_BY_VOLUME, tmp_path, 0)
    assert "lost" not in {r["item_id"] for r in rows(tmp_path, "items") + rows(tmp_path, "interactions")}
    assert (result.metrics["items_stubs"], result.metrics["interactions_of_quarantined_items"]) == (0, 1)
    assert "1 rows dropped: their item is in quarantine" in result.summary


def test_every_effect_is_counted(cleaned):
    root, result = cleaned
    counts = json.loads((root / layout.CLEAN / "counts.json").read_text())
    assert {name: n for name, n in counts.items() if n} == {
        "interactions_duplicates": 1,
        "items_texts_spaces": 1,
        "interactions_volumes": 1,
        "items_stubs": 1,
        "items_unknown_department": 1,
        "items_unknown_category": 1,
        "items_unknown_subcategory": 2,
        "items_unknown_brand": 1,
        "items_unknown_manufacturer_id": 1,
        "items_unknown_package_size": 3,
        "users_unknown_income": 1,
        "interactions_rows": 5,
        "items_rows": 4,
        "users_rows": 1,
    }
    assert counts["items_duplicates"] == counts["interactions_sampled_out"] == counts["promotions_rows"] == 0
    assert result.metrics == counts


def test_columns_have_their_canonical_types(cleaned):
    root, _ = cleaned
    table = pq.read_schema(root / layout.CLEAN / "interactions.parquet")
    assert tuple(table.names) == schema.INTERACTIONS
    assert table.field(schema.TIMESTAMP).type == pa.timestamp("us")
    assert table.field(schema.QUANTITY).type == pa.float64()


def test_the_same_input_gives_the_same_bytes(cleaned, tmp_path_factory):
    root, _ = cleaned
    other = tmp_path_factory.mktemp("other")
    write(other, list(reversed(LINES)))
    clean(FUEL_BY_VOLUME, other, 1)
    for file in (root / layout.CLEAN).iterdir():
        assert file.read_bytes() == (other / layout.CLEAN / file.name).read_bytes()


@pytest.mark.slow
def test_a_sample_keeps_whole_users_about_one_in_n_and_the_same_ones_each_time(tmp_path):
    lines = [line(f"u{i}", "milk", 1, f"b{i}-{j}") for i in range(400) for j in range(2)]
    write(tmp_path, lines)
    clean(CleanConfig(cleaners={"sample": {"keep_one_user_in": 10}}), tmp_path, 0)
    kept = [r["user_id"] for r in rows(tmp_path, "interactions")]
    assert all(kept.count(user) == 2 for user in kept)
    assert 20 <= len(set(kept)) <= 60
    clean(CleanConfig(cleaners={"sample": {"keep_one_user_in": 10}}), tmp_path, 5)
    assert kept == [r["user_id"] for r in rows(tmp_path, "interactions")]


def test_a_sample_that_keeps_nobody_is_refused(tmp_path):
    write(tmp_path)
    with pytest.raises(DataError, match=r"no interaction is left .*sample.keep_one_user_in"):
        clean(CleanConfig(cleaners={"sample": {"keep_one_user_in": 1_000_000}}), tmp_path, 0)
    assert not (tmp_path / layout.CLEAN).exists()


def test_clean_says_what_has_to_run_first(tmp_path):
    with pytest.raises(DataError, match="interactions, items not found; run the validate step first"):
        clean(CleanConfig(), tmp_path, 0)


def test_the_report_tells_every_effect_and_shows_numbers_before_and_after(cleaned):
    root, result = cleaned
    page = (root / layout.CLEAN / "report.html").read_text()
    for words in ("rows dropped: exact copies of another", "quantities beyond 100 in a volume category made 1"):
        assert words in page
    assert "interactions.quantity, before" in page
    assert "<img" in page
    assert root / layout.CLEAN / "report.html" in result.artifacts
    assert result.tags["cleaners"].startswith("types 1, texts 1, events 1")
    assert json.loads((root / layout.CLEAN / "policy.json").read_text())["units"]["version"] == 1


@pytest.mark.slow
def test_tables_in_parts_with_trace_give_the_same_rows_as_one_file(cleaned, tmp_path_factory):
    root, _ = cleaned
    other = tmp_path_factory.mktemp("parts")
    write(other)
    whole = other / layout.VALIDATED / "interactions.parquet"
    table = pq.read_table(whole)
    whole.unlink()
    (other / layout.VALIDATED / "interactions").mkdir()
    for number, rows_of_day in enumerate((table.slice(0, 1), table.slice(1))):
        trace = {"source_file": [f"day{number}.csv"] * len(rows_of_day), "source_row": list(range(len(rows_of_day)))}
        for name, values in trace.items():
            rows_of_day = rows_of_day.append_column(name, pa.array(values))
        pq.write_table(rows_of_day, other / layout.VALIDATED / "interactions" / f"day{number}.parquet")
    clean(FUEL_BY_VOLUME, other, 0)
    assert rows(other, "interactions") == rows(root, "interactions")


@pytest.mark.slow
def test_a_history_keeps_what_was_cancelled_after_its_cut_off_through_the_real_steps(tmp_path):
    lines = []
    for day in range(100):
        at = NOON + timedelta(days=day)
        lines += [bought(f"u{u}", f"i{(u + day) % 4}", at, f"{u}-{day}") for u in range(6)]
    lines.append(bought("u1", "lamp", NOON + timedelta(days=75, hours=1), "late"))

    def histories(cancelled_on):
        root = tmp_path / str(cancelled_on)
        back = bought("u1", "lamp", NOON + timedelta(days=cancelled_on), "back", "cancellation")
        write(root, [*lines, back])
        clean(CleanConfig(), root, 0)
        split(TemporalConfig(min_users_per_item=1, min_items_per_user=1), root, 0)
        return [pq.read_table(root / layout.SPLIT / fold / "history.parquet").to_pylist() for fold in layout.FOLDS]

    early, between, late = (histories(day) for day in (77, 85, 95))
    holds = [[any(r["session_id"] == "late" for r in h) for h in found] for found in (early, between, late)]
    # cut-offs: validation on day 79, test on day 89
    assert holds == [[False, False], [True, False], [True, True]]
    assert between[0] == late[0]  # what happens after a cut-off changes nothing before it


@pytest.mark.slow
def test_split_refuses_a_cut_off_within_the_statistics(tmp_path):
    write(tmp_path, [bought(f"u{d % 5}", "milk", NOON + timedelta(days=d), f"b{d}") for d in range(60)])
    rules = {"outliers": {"rules": [{"column": "value"}]}}
    clean(CleanConfig(cleaners=rules, reference_share=0.95), tmp_path, 0)
    with pytest.raises(DataError, match=r"cut-off .* lies before .*lower clean.reference_share"):
        split(TemporalConfig(), tmp_path, 0)
