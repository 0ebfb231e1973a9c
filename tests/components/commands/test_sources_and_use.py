"""`shoploop sources check` says what it would read, `shoploop use` brings it in; on a small shop of CSV files."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from components.__main__ import main
from components.core import layout
from components.core.config import read_params
from components.data.pin import check_pin
from components.steps.runner import check_params
from components.steps.shop import completed

PROJECT = Path(__file__).parents[3]
EXAMPLES = sorted((PROJECT / "docs/examples").glob("*.yaml"))
SOURCE = """source:
  component: tables
  params:
    interactions:
      files: orders.csv
      columns: {user_id: who, item_id: sku, timestamp: at, value: paid}
"""
MODELS = """models:
  popularity: {component: popularity}
  household_frequency: {component: household, params: {half_life_days: null}}
  household_recency: {component: household}
  item_knn: {component: item_knn}
"""
ORDERS = "who,sku,at,paid,till\n1,A,2024-01-01 10:00,2.50,3\n2,B,2024-02-30 10:00,x,3\n"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A project folder with a shop's file and a params file; the commands run in it."""
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "shop.yaml").write_text(SOURCE + MODELS)
    (tmp_path / "params.yaml").write_text("seed: 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("components.commands.use.ROOT", tmp_path)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, arguments)


def test_check_says_files_columns_problems_events_and_times(shop):
    told = run("sources", "check", "shop.yaml")
    assert told.exit_code == 0
    for words in (
        "orders.csv",
        "written as csv, encoding utf-8, cut by ','",
        "columns that serve: who, sku, at, paid",
        "columns left out:   till",
        "timestamp: 1 rows cannot be read, as '2024-02-30 10:00' is not a time written as iso",
        "value: 1 rows cannot be read, as 'x' is not a number",
        "2 purchase",
    ):
        assert words in told.output
    assert not (shop / "data").exists()


def test_check_ends_with_2_when_a_column_is_missing_or_nothing_can_be_read(shop):
    (shop / "shop.yaml").write_text(SOURCE.replace("sku,", "article,"))
    told = run("sources", "check", "shop.yaml")
    assert told.exit_code == 2
    assert "column 'article' is not there; found 'who', 'sku'" in told.output
    (shop / "shop.yaml").write_text(SOURCE + '      time: {format: "%d/%m/%Y"}\n')
    told = run("sources", "check", "shop.yaml")
    assert told.exit_code == 2
    assert "interactions.timestamp: required, but no row" in told.output


def test_check_looks_at_the_first_thousand_rows_of_complete_journey_too(shop):
    (shop / "shop.yaml").write_text("source: {component: complete_journey}\n")
    told = run("sources", "check", "shop.yaml")
    assert told.exit_code == 0, told.output
    assert told.output.count("looked at 1,000 rows") == 3
    assert "looked at 801 rows" in told.output, "all households that answered the survey"


def test_check_says_why_lines_are_no_rows_and_where(shop):
    lines = [f"{n},B,2024-01-0{n} 10:00,绿茶".encode() for n in range(1, 9)]
    lines += ["9,B,2024-01-09 10:00,绿茶".encode("gbk"), b"9,B"]
    (shop / "orders.csv").write_bytes(b"\n".join([b"who,sku,at,paid", *lines, b""]))
    told = run("sources", "check", "shop.yaml").output
    assert "looked at 8 rows; 2 lines are no rows" in told
    assert "1: 2 fields where the header has 4 (as orders.csv, line 11)" in told
    assert "1: bytes that are not utf-8 (as orders.csv, line 10)" in told


def test_columns_of_which_a_source_makes_others_serve(shop):
    (shop / "train-item-views.csv").write_text(
        "sessionId;userId;itemId;timeframe;eventdate;page\n1;NA;7;10;2016-05-09;x\n"
    )
    (shop / "train-purchases.csv").write_text("sessionId;userId;timeframe;eventdate;itemId\n1;NA;20;2016-05-09;7\n")
    (shop / "products.csv").write_text("itemId;pricelog2\n7;3\n")
    (shop / "product-categories.csv").write_text("itemId;categoryId\n7;5\n")
    (shop / "shop.yaml").write_text("source: {component: click_sessions, params: {folder: ., form: diginetica}}\n")
    told = run("sources", "check", "shop.yaml").output
    assert told.count("columns that serve: none") == 0
    assert "columns that serve: sessionId, userId, itemId, timeframe, eventdate\n  columns left out:   page" in told
    assert "columns that serve: itemId, categoryId\n" in told


def test_a_file_that_names_no_models_gets_simple_ones(shop):
    (shop / "shop.yaml").write_text(SOURCE)
    assert run("use", "shop.yaml").exit_code == 0
    params = read_params(shop / "params.yaml")
    assert list(params["models"]) == ["popularity", "household_frequency", "household_recency", "item_knn", "als"]
    check_params(params)
    assert "&id" not in (shop / "params.yaml").read_text()


def test_use_completes_the_params_and_pins_the_data(shop):
    told = run("use", "shop.yaml")
    assert told.exit_code == 0, told.output
    assert (shop / "data/interactions/orders.csv").read_text() == ORDERS
    assert check_pin(shop)
    params = read_params(shop / "params.yaml")
    assert params["rank"] == {}, "who proposes follows from the models"
    check_params(params)
    assert "train-item_knn" in yaml.safe_load((shop / "dvc.yaml").read_text())["stages"]
    assert (shop / "params.before.yaml").read_text() == "seed: 1\n"
    assert "commit them with data.dvc and privacy.json" in told.output
    assert "once the first run has made it" in told.output


def test_git_ignores_what_use_and_killed_runs_leave_and_keeps_what_is_to_be_committed(tmp_path):
    shutil.copy(PROJECT / ".gitignore", tmp_path)
    left = ["params.before.yaml", ".arrivals/note.json", ".data.x1/a.csv", ".data.old.x1/was", ".data.dvc.x1",
            ".params.yaml.x1", ".params.before.yaml.x1", ".dvc.yaml.x1", ".privacy.json.x1"]  # fmt: skip
    kept = ["params.yaml", "dvc.yaml", "data.dvc", "privacy.json", ".dvc/config"]
    git = shutil.which("git")
    subprocess.run([git, "init", "-q"], cwd=tmp_path, check=True)
    told = subprocess.run([git, "check-ignore", *left, *kept], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert told.stdout.split() == left


def test_use_and_check_name_the_file_whose_columns_do_not_fit(shop):
    (shop / "shop.yaml").write_text(SOURCE.replace("sku,", "article,") + MODELS)
    for told in (run("use", "shop.yaml"), run("sources", "check", "shop.yaml")):
        assert told.exit_code == 2
        assert "shop.yaml: " in told.output and "column 'article' is not there" in told.output
    assert not (shop / "data").exists()


def test_use_and_check_refuse_a_newer_file_that_lacks_a_mapped_column(shop):
    (shop / "shop.yaml").write_text(SOURCE.replace("orders.csv", '"*.csv"') + MODELS)
    (shop / "orders_new.csv").write_text(ORDERS.replace("who", "customer"))
    for told in (run("sources", "check", "shop.yaml"), run("use", "shop.yaml")):
        assert told.exit_code == 2
        assert "orders_new.csv: column 'who' is not there, but in other files of interactions" in told.output
    assert not (shop / "data").exists()


@pytest.mark.slow
def test_use_does_not_replace_other_data_unasked(shop):
    run("use", "shop.yaml")
    before = {p: p.read_bytes() for p in shop.rglob("*") if p.is_file()}
    (shop / "orders.csv").write_text(ORDERS + "3,C,2024-03-01,1,3\n")
    told = run("use", "shop.yaml")
    assert told.exit_code == 2
    assert "data/ holds 1 other files" in told.output
    assert {p: p.read_bytes() for p in before if p.name != "orders.csv" or "data" in p.parts} == {
        p: content for p, content in before.items() if p.name != "orders.csv" or "data" in p.parts
    }
    assert run("use", "shop.yaml", "--replace").exit_code == 0
    assert "3,C" in (shop / "data/interactions/orders.csv").read_text()


def test_use_with_parameters_that_are_not_accepted_changes_nothing(shop):
    (shop / "shop.yaml").write_text(SOURCE + MODELS + "split: {test_share: 2}\n")
    told = run("use", "shop.yaml")
    assert told.exit_code == 2
    assert "test_share" in told.output
    assert not (shop / layout.DATA).exists()
    assert (shop / "params.yaml").read_text() == "seed: 1\n"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_at_most_twenty_lines_and_is_accepted(example):
    assert len(example.read_text().splitlines()) <= 20
    params = read_params(example)
    check_params(params | completed(params))


def test_every_source_is_listed_with_what_it_is():
    from components.core.registry import SOURCES

    told = run("sources", "list").output.splitlines()
    assert [line.split()[0] for line in told] == SOURCES.names()
    assert all(len(line.split()) > 5 for line in told)


def test_there_are_examples_for_a_wheel_a_folder_and_a_database():
    assert {"ta_feng", "csv_folder", "postgres"} <= {path.stem for path in EXAMPLES}
