"""The commands on the quarantine, on snapshots and on drafts, as a person types them."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from components.__main__ import main
from tests.data.test_snapshots import DAYS, Shop, text

pytestmark = pytest.mark.slow
PARAMS = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A validated project with a params.yaml."""
    shop = Shop(tmp_path_factory.mktemp("shop"))
    shop.put("items/items2.csv", text(["c,Cheese", "late,Late"], "sku,name\n"))
    shop.validate()
    params = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))
    params["source"] = shop.config.source.model_dump(mode="json", exclude_defaults=True)
    thresholds = {"interactions.item_listed": {"outcome": "quarantine"}, "items_fit": {"mostly": 0.1}}
    params["validate"] = {"max_quarantined_share": 0.9, "thresholds": thresholds}
    (shop.root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return shop.root, params


def said(root, monkeypatch, *words, code=0):
    monkeypatch.chdir(root)
    monkeypatch.setenv("COLUMNS", "300")
    answer = CliRunner().invoke(main, list(words))
    assert answer.exit_code == code, answer.output
    return " ".join(answer.output.split())


def test_list_counts_and_explain_shows_the_row_and_what_to_do(project, monkeypatch):
    root, _ = project
    listed = said(root, monkeypatch, "quarantine", "list")
    assert "value_in_range" in listed and "value: 'two' is not a number" in listed
    told = said(root, monkeypatch, "quarantine", "explain", "interactions", "--rule", "value_in_range")
    assert "interactions/day1.csv, row 3" in told
    assert '{"user":"u2","item":"b","when":"2024-01-01T11:00:00","paid":"-3"}' in told
    assert "correct the row at its source" in told
    assert "there are: interactions" in said(root, monkeypatch, "quarantine", "explain", "items", code=2)


def test_readmit_tells_what_came_back_and_which_rules_changed(project, monkeypatch):
    root, params = project
    assert "rules that changed: none" in said(root, monkeypatch, "quarantine", "readmit", "--reason", "to see")
    looser = params["validate"]["thresholds"] | {"value_in_range": {"min": -10}}
    changed = params | {"validate": params["validate"] | {"thresholds": looser}}
    (root / "params.yaml").write_text(yaml.safe_dump(changed), encoding="utf-8")
    told = said(root, monkeypatch, "quarantine", "readmit", "--reason", "refunds", "--by", "anna")
    assert "interactions.value_in_range" in told and "run `dvc repro`" in told


def test_a_new_day_is_added_and_listed(project, monkeypatch, tmp_path):
    root, _ = project
    (tmp_path / "day2.csv").write_text(text([*DAYS[1], DAYS[1][0], DAYS[1][0]]))
    told = said(root, monkeypatch, "snapshot", "add", "interactions", str(tmp_path / "day2.csv"))
    assert (
        "interactions/day2.csv" in told and "half of its rows or more are copies" in told and "data.dvc: pinned" in told
    )
    assert "byte for byte" in said(
        root, monkeypatch, "snapshot", "add", "interactions", str(tmp_path / "day2.csv"), code=2
    )
    listed = said(root, monkeypatch, "snapshot", "list")
    assert "4 files; 3 judged one by one" in listed and "2024-01-01 10:00:00" in listed


def test_a_draft_is_written_once(project, monkeypatch):
    root, _ = project
    assert "a draft; edit it" in said(root, monkeypatch, "expect", "suggest", "items", "--to", "items.draft.json")
    again = said(root, monkeypatch, "expect", "suggest", "items", "--to", "items.draft.json", code=2)
    assert "is there already" in again
