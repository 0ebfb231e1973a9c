"""The whole loop on a folder of CSVs, by its example of at most twenty lines: one run, many claims."""

import json
import re
import shutil
from collections import Counter
from importlib.util import find_spec

import pyarrow.parquet as pq
import pytest
import yaml

from components.core import layout
from components.core import schema as s
from components.steps.table import table
from components.tracking.registry import CHALLENGER, CHAMPION, ModelRegistry
from tests.flows import messy_shop as shop
from tests.flows.project import call, copy_checkout, edit, run_steps
from tests.flows.shops import clean_events, counts, new_project, rows

pytestmark = pytest.mark.slow

REJECTED = f"{s.INTERACTIONS_TABLE}.rejected"
ON_BOTH_ENGINES = ("validate", "clean", "split", "featurize")


@pytest.fixture(scope="module")
def folder_shop(tmp_path_factory):
    """A folder of CSVs."""
    project = new_project(tmp_path_factory.mktemp("csv"), "csv_folder.yaml")
    shop.write_folder(project / "exports")
    call(project, "components", "use", "shop.yaml")
    return project


@pytest.fixture(scope="module")
def folder_said(folder_shop):
    """What the loop said of it."""
    return call(folder_shop, "flows", "run")


def test_a_folder_of_csvs_runs_to_the_service_s_answer(folder_said, folder_shop):
    assert "Next basket, by release version 1" in folder_said
    steps = table(yaml.safe_load((folder_shop / "params.yaml").read_text()))
    assert all((folder_shop / step.receipt).is_file() for step in steps.values())
    assert ModelRegistry(root=folder_shop).aliases() == {CHAMPION: "1", CHALLENGER: "1"}
    answered = folder_said[folder_said.index("Next basket") :]
    assert re.search(r"1 +│ +[一-鿿]+ 特级 \d+ 号 +│ (Tee|Grüntee|Käse|Brot|Seife|Kerzen) ", answered)


def test_what_cannot_be_read_is_set_aside_with_its_reason_its_line_and_its_original(folder_said, folder_shop):
    aside = [row for row in rows(folder_shop / layout.QUARANTINE / "interactions.parquet") if row["rule"] == "readable"]
    assert sorted(row["reason"] for row in aside) == [
        *(f"timestamp: '{at}' is not a time written as %d.%m.%Y %H:%M" for at in sorted(shop.BAD_DATES)),
        f"value: '{shop.BAD_AMOUNT}' is not a number",
    ]
    for row in [*aside, *rows(folder_shop / layout.QUARANTINE / f"{REJECTED}.parquet")]:
        line = (folder_shop / layout.DATA / row["source_file"]).read_text().splitlines()[row["source_row"] - 1]
        found = row["original"]
        assert line == (";".join(json.loads(found).values()) if found.startswith("{") else found)
    assert [row["reason"] for row in rows(folder_shop / layout.QUARANTINE / f"{REJECTED}.parquet")] == [
        "7 fields where the header has 6"
    ]


def test_cleaning_counts_what_was_planted(folder_said, folder_shop):
    found = counts(folder_shop)
    assert found["interactions_rows"] == shop.clean_count(shop.sound_lines())
    assert found["interactions_guests_dropped"] == shop.GUESTS
    assert found["interactions_duplicates"] == shop.TWICE
    assert found["interactions_cancellations_matched"] == found["interactions_purchases_cancelled"] == shop.CANCELLED
    assert found["interactions_cancellations_unmatched"] == 0
    assert found["items_stubs"] == 1


def test_values_arrive_as_they_were_meant(folder_said, folder_shop):
    items = {row[s.ITEM_ID]: row for row in rows(folder_shop / layout.CLEAN / "items.parquet")}
    assert {sku: items[sku][s.TITLE] for sku in shop.skus()} == shop.titles()
    assert {sku: items[sku][s.PRICE] for sku in shop.skus()} == {sku: shop.price(sku) for sku in shop.skus()}
    assert items[shop.UNLISTED][s.TITLE] == f"Unlisted item {shop.UNLISTED}"
    paid = Counter(
        (row[s.SESSION_ID], row[s.ITEM_ID], row[s.VALUE], row[s.QUANTITY]) for row in clean_events(folder_shop)
    )
    first = shop.sound_lines()[1000]
    assert paid[first.order, first.sku, first.amount, float(first.pieces)] == 1


def test_no_customer_s_own_id_leaves_data_and_quarantine(folder_said, folder_shop):
    """But for artifacts/parts/, the cache of what raw files were landed to: docs/privacy.md tells of all three."""
    users = {row[s.USER_ID] for row in clean_events(folder_shop)}
    assert len(users) == shop.CUSTOMERS
    assert all(re.fullmatch("[0-9a-f]{32}", user) for user in users)
    told = [layout.QUARANTINE, layout.PARTS]
    made = [p for name in ("artifacts", "mlartifacts", "state") for p in (folder_shop / name).rglob("*") if p.is_file()]
    assert len(made) > 100
    for path in [*made, folder_shop / "mlflow.db"]:
        if not any(path.is_relative_to(folder_shop / folder) for folder in told):
            assert not holds_a_customer(path), path


def holds_a_customer(path):
    """Whether the prefix of all customers' ids is anywhere in a file, be it in a compressed column."""
    if path.suffix == ".parquet":
        return shop.PREFIX in str(pq.read_table(path).to_pylist())
    held = path.read_bytes()
    return any(shop.PREFIX.encode(encoding) in held for encoding in ("utf-8", "utf-32-le"))


def test_the_release_s_lineage_reaches_every_raw_file(folder_said, folder_shop):
    told = call(folder_shop, "components", "lineage", "1")
    assert "every link holds" in told
    raw = [p.relative_to(folder_shop).as_posix() for p in (folder_shop / layout.DATA).rglob("*") if p.is_file()]
    assert len(raw) == shop.DAYS / shop.DAYS_PER_FILE + 1
    for name in raw:
        assert name in told


def test_a_second_repro_finds_everything_up_to_date(folder_said, folder_shop):
    again = call(folder_shop, "dvc", "repro")
    assert "Data and pipelines are up to date." in again
    assert "Running stage" not in again


@pytest.mark.skipif(not (shutil.which("java") and find_spec("pyspark")), reason="needs Java and PySpark: `make spark`")
def test_spark_gives_the_same_rows(folder_said, folder_shop, tmp_path):
    """Every parquet file that the steps write, row by row."""
    other = tmp_path / "spark"
    copy_checkout(other)
    for name in ("params.yaml", "data.dvc", "privacy.json"):
        shutil.copy(folder_shop / name, other / name)
    for name in (layout.DATA, "state"):
        shutil.copytree(folder_shop / name, other / name)
    edit(other, lambda params: params.update(engine={"component": "spark", "master": "local[2]"}))
    run_steps(other, *ON_BOTH_ENGINES)
    for folder in (layout.VALIDATED, layout.QUARANTINE, layout.CLEAN, layout.SPLIT, layout.FEATURES):
        ours, theirs = (
            sorted(p.relative_to(root) for p in (root / folder).rglob("*.parquet")) for root in (folder_shop, other)
        )
        assert ours == theirs
        assert ours
        for path in ours:
            one, two = pq.read_table(folder_shop / path), pq.read_table(other / path)
            assert one.equals(two.cast(one.schema)), path  # the engines differ in which columns they mark as never null


def test_a_forgotten_customer_is_gone_but_from_the_release_that_is_named(folder_said, folder_shop, tmp_path):
    """Last of the folder's: it changes the project."""
    who = f"{shop.PREFIX}0031"
    told = call(folder_shop, "components", "forget", who, "--yes")
    assert "release" in told
    for path in [p for name in ("artifacts", "data") for p in (folder_shop / name).rglob("*") if p.is_file()]:
        held = (
            str(pq.read_table(path).to_pylist()) if path.suffix == ".parquet" else path.read_bytes().decode("latin-1")
        )
        assert who not in held, path
