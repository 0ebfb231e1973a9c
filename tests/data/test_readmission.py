"""Re-admission judges the rows set aside by today's rules, and comes to what a full run comes to, or to nothing."""

from datetime import UTC, datetime

import pytest

from components.core import layout
from components.core.bundle import read_json
from components.core.errors import DataError
from components.quality.quarantine_view import groups, rows
from components.quality.thresholds import Threshold
from components.steps.readmission import readmit
from components.steps.validate import ValidateConfig, validate
from tests.data.test_snapshots import DAYS, Shop, text

pytestmark = pytest.mark.slow
NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path):
    shop = Shop(tmp_path)
    shop.validate()  # an earlier snapshot, which freshness and volume are held to
    shop.put("interactions/day2.csv", text(DAYS[1]))
    shop.put("items/items2.csv", text(["c,Cheese", "late,Late"], "sku,name\n"))
    shop.validate()
    return shop


def ruled(shop, **thresholds):
    """The shop under other thresholds."""
    shop.config = shop.config.model_copy(update={"thresholds": shop.config.thresholds | thresholds})
    return shop


def test_rows_that_pass_todays_rules_come_back_as_a_full_run_would_have_them(shop):
    assert {row["rule"] for row in shop.rows(layout.QUARANTINE)} == {"readable", "value_in_range"}
    ruled(shop, value_in_range=Threshold(min=-10))
    done = readmit(shop.config, shop.root, "anna", "refunds are booked as negative values here", NOW)
    assert done.rows == {"interactions": (1, 1)}
    assert "interactions.value_in_range" in done.changed
    after = shop.everything()
    assert [row["value"] for row in shop.rows(layout.VALIDATED) if row["user_id"] is not None].count(-3.0) == 1
    shop.validate()
    assert shop.everything() == after
    (entry,) = read_json(shop.root / layout.READMISSIONS)
    assert (entry["by"], entry["at"]) == ("anna", "2026-01-02T03:04:00+00:00")


def test_without_a_change_of_rules_nothing_comes_back(shop):
    before = shop.everything()
    done = readmit(shop.config, shop.root, "anna", "just looking", NOW)
    assert (done.rows, done.changed) == ({"interactions": (0, 2)}, ())
    assert shop.everything() == before and not (shop.root / layout.READMISSIONS).exists()


def test_a_stricter_rule_asks_for_the_full_run(shop):
    ruled(shop, value_in_range=Threshold(min=-10, max=2))
    before = shop.everything()
    with pytest.raises(DataError, match=r"would set accepted rows aside: 'value_in_range' \(1 rows\)"):
        readmit(shop.config, shop.root, "anna", "why not", NOW)
    assert shop.everything() == before


def test_other_data_ask_for_the_full_run(shop):
    shop.put("interactions/day3.csv", text(DAYS[2]))
    with pytest.raises(DataError, match="changed since the rows were set aside"):
        readmit(shop.config, shop.root, "anna", "why not", NOW)


def test_a_table_that_was_one_file_gets_a_part(tables, write, tmp_path):
    tables["transactions"]["sales_value"][0] = -1.0
    tables["transactions"]["sales_value"][1] = -99.0
    write(tmp_path, tables)
    config = ValidateConfig(max_quarantined_share=0.5)
    validate(config, tmp_path, 0)
    looser = ValidateConfig(max_quarantined_share=0.5, thresholds={"interactions.value_in_range": Threshold(min=-10)})
    assert readmit(looser, tmp_path, "anna", "small refunds are right", NOW).rows == {"interactions": (1, 1)}
    assert len(list((tmp_path / layout.VALIDATED / "interactions").iterdir())) == 2
    (left,) = rows(tmp_path / layout.QUARANTINE, "interactions")
    assert (left["row"], left["source_file"], left["source_row"]) == (2, "transactions.parquet", 2)
    assert '"sales_value":-99.0' in left["original"]
    found = Shop.rows(type("At", (), {"root": tmp_path}), layout.QUARANTINE)
    validate(looser, tmp_path, 0)
    assert Shop.rows(type("At", (), {"root": tmp_path}), layout.QUARANTINE) == found


def test_the_quarantine_is_told_by_table_rule_and_reason(shop):
    told = [(g.table, g.rule, g.rows, g.rejected) for g in groups(shop.root / layout.QUARANTINE)]
    assert told == [
        ("interactions", "ragged", 1, True),
        ("interactions", "readable", 1, False),
        ("interactions", "value_in_range", 1, False),
    ]
    (row,) = rows(shop.root / layout.QUARANTINE, "interactions", "readable")
    assert row["original"] == '{"user":"u3","item":"c","when":"2024-01-01T12:00:00","paid":"two"}'
    assert row["reason"] == "value: 'two' is not a number"
    with pytest.raises(DataError, match="no row of interactions by the rule 'x'; there are: interactions"):
        rows(shop.root / layout.QUARANTINE, "interactions", "x")
