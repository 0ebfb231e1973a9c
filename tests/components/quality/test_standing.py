"""New data against the snapshots accepted before, on counts and times that are seen by eye."""

from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core.errors import DataError
from components.data.engine import connect
from components.quality import newest_file, snapshots, standing
from components.quality.freshness import FreshnessConfig, pause
from components.quality.freshness import rules as freshness_rules
from components.quality.snapshots import Snapshot
from components.quality.standing import DriftConfig
from components.quality.suites import Suite
from components.quality.volume import VolumeConfig
from components.quality.volume import rules as volume_rules

NEW_YEAR = datetime.fromisoformat("2018-01-01")


def snapshot(digest, lines, newest="2017-12-30 20:15:00"):
    return Snapshot(digest, {"interactions": lines, "items": 10}, {"interactions": newest})


def test_the_usual_volume_is_the_median_of_the_last_snapshots():
    known = [snapshot(str(n), n) for n in (9_999, 100, 120, 110)]
    (rule,) = volume_rules("interactions", VolumeConfig(snapshots=3), known)
    assert rule["kwargs"] == {"min_value": 55, "max_value": 220}
    assert rule["meta"]["outcome"] == "warn"
    assert volume_rules("users", VolumeConfig(), known) == []
    assert volume_rules("interactions", VolumeConfig(), []) == []


def test_without_a_moment_and_without_history_nothing_is_said_about_age():
    assert freshness_rules("interactions", FreshnessConfig(), []) == []
    assert freshness_rules("items", FreshnessConfig(now=NEW_YEAR, max_age_days=1), [snapshot("a", 1)]) == []


def test_rows_may_not_be_newer_than_now_nor_all_older_than_allowed():
    config = FreshnessConfig(now=NEW_YEAR, max_age_days=7, future_days=1)
    future, fresh = freshness_rules("interactions", config, [])
    assert (future["kwargs"]["max_value"], future["meta"]["outcome"]) == ("2018-01-02 00:00:00", "quarantine")
    assert fresh["kwargs"]["min_value"] == datetime.fromisoformat("2017-12-25")


def test_a_moment_with_a_zone_is_read_as_utc():
    config = FreshnessConfig.model_validate({"now": "2018-01-01T02:00:00+02:00"})
    assert config.now == NEW_YEAR


def test_the_newest_row_may_not_go_back_behind_earlier_snapshots():
    (rule,) = freshness_rules(
        "interactions", FreshnessConfig(), [snapshot("a", 1), snapshot("b", 1, "2017-12-28 00:00:00")]
    )
    assert rule["meta"]["words"] == "the newest timestamp is at least 2017-12-30 20:15"


@pytest.mark.parametrize(
    ("days", "counts", "observed"),
    [
        (["2017-01-01", "2019-01-01"], [1000, 3], "3 events beyond a pause from 2017-01-01 to 2019-01-01"),
        (["1999-01-01", "2017-01-01"], [2, 1000], "2 events beyond a pause from 1999-01-01 to 2017-01-01"),
        (["2017-01-01", "2019-01-01"], [500, 400], ""),
        (["2017-01-01", "2017-02-01", "2017-03-01"], [1000, 1, 1], ""),
        ([], [], ""),
    ],
)  # fmt: skip
def test_few_events_beyond_a_long_pause_are_strays(days, counts, observed):
    found = pause("interactions", [date.fromisoformat(day) for day in days], counts, FreshnessConfig())
    assert (found.observed, found.holds) == (observed, not observed)


def test_a_shop_that_began_with_few_events_has_no_strays_until_one_is_planted():
    days = sorted({date(2000, 1, 1) + timedelta(days=4000 * (n / 600) ** 0.25) for n in range(1, 601)})
    counts = [1] * len(days)
    told = {}
    for name, stray in (("none", None), ("early", date(1976, 5, 1)), ("late", date(2014, 1, 1))):
        dated = sorted([*zip(days, counts, strict=True), *([(stray, 1)] if stray else [])])
        told[name] = pause("interactions", *zip(*dated, strict=True), FreshnessConfig()).observed
    assert told == {
        "none": "",
        "early": "1 events beyond a pause from 1976-05-01 to 2002-03-19",
        "late": "1 events beyond a pause from 2010-12-14 to 2014-01-01",
    }


def test_snapshots_are_remembered_once_per_data_and_in_order(tmp_path):
    for digest, lines in (("a" * 32, 1), ("b" * 32, 2), ("a" * 32, 3)):
        snapshots.remember(tmp_path, snapshot(digest, lines), {"hour": np.array([lines])})
    assert [s.rows["interactions"] for s in snapshots.earlier(tmp_path, "c")] == [2, 3]
    assert [s.rows["interactions"] for s in snapshots.earlier(tmp_path, "a" * 32)] == [2]
    found, sample = snapshots.newest_sample(tmp_path, "a" * 32)
    assert (found.rows["interactions"], sample["hour"].tolist()) == (2, [2])


def test_only_the_newest_snapshots_are_kept(tmp_path):
    for n in range(snapshots.KEPT + 3):
        snapshots.remember(tmp_path, snapshot(f"{n:012d}", n))
    assert [s.rows["interactions"] for s in snapshots.earlier(tmp_path, "")] == list(range(3, snapshots.KEPT + 3))


def test_an_altered_snapshot_is_named(tmp_path):
    snapshots.remember(tmp_path, snapshot("a" * 32, 1))
    (file,) = tmp_path.glob("*/snapshot.json")
    file.write_text('{"rows": {}}')
    with pytest.raises(DataError, match="not a snapshot of this version; delete"):
        snapshots.earlier(tmp_path, "b")


@pytest.fixture
def tables(tmp_path):
    lines = {
        "row": list(range(1, 401)), "user_id": ["u"] * 400, "item_id": [str(n % 4) for n in range(400)],
        "event_type": ["purchase"] * 400, "timestamp": [NEW_YEAR] * 400, "value": [float(n % 10) for n in range(400)],
    }  # fmt: skip
    items = {"item_id": list("0123"), "title": ["red tea", "green tea", "milk", "oat milk"]}
    con = connect(0.5, 1)
    for name, columns in (("interactions", lines), ("items", items)):
        pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
    yield {name: con.read_parquet(tmp_path / f"{name}.parquet") for name in ("interactions", "items")}
    con.disconnect()


def test_a_shop_without_baskets_brands_and_discounts_is_described_by_what_it_has(tables):
    found = standing.sample(tables, DriftConfig(lines=200), "UTC")
    assert {name: len(values) for name, values in found.items()} == dict.fromkeys(
        ["unit_price", "event_type", "weekday", "hour", "title"], 200
    )


def test_equal_data_stand_as_before_and_dearer_ones_drift(tables, tmp_path):
    config = DriftConfig(lines=400)
    before = standing.sample(tables, config, "UTC")
    assert standing.since(tmp_path, "a" * 32, before, config) is None
    snapshots.remember(tmp_path, snapshots.describe(tables, "a" * 32), before)
    same = standing.verdicts(standing.since(tmp_path, "b" * 32, before, config), config)
    assert {v.rule: v.follows for v in same} == dict.fromkeys([v.rule for v in same], "holds")
    dearer = before | {"unit_price": before["unit_price"] + 5}
    found = standing.since(tmp_path, "b" * 32, dearer, config)
    assert [v.rule for v in standing.verdicts(found, config) if not v.holds] == ["drift_unit_price"]
    assert list(found.pictures()) == ["unit_price"]


def test_rules_on_times_and_size_join_the_suites_of_canonical_tables():
    suites = [Suite("interactions", ()), Suite("raw_lines", ())]
    found = standing.with_rules(suites, ["interactions"], [snapshot("a", 100)], FreshnessConfig(), VolumeConfig())
    assert [[rule["meta"]["rule"] for rule in s.expectations] for s in found] == [
        ["not_older_than_before", "volume"],
        [],
    ]


def day_files(tables, **days):
    """The lines of `tables` as files: name → (first row, last row, days after the first)."""
    import ibis

    lines = tables["interactions"]
    cases = [(lines.row.between(low, high), name, n) for name, (low, high, n) in days.items()]
    at = ibis.cases(*[(fits, lines.timestamp + ibis.interval(days=n)) for fits, _, n in cases])
    return lines.mutate(source_file=ibis.cases(*[(fits, name) for fits, name, _ in cases]), timestamp=at)


def test_the_newest_of_daily_files_is_held_against_those_before(tables):
    lines = day_files(tables, a=(1, 100, 0), b=(101, 200, 1), c=(201, 400, 2))
    found = newest_file.find(lines)
    assert (found.name, found.rows, found.before) == ("c", 200, (100, 100))
    assert [v.holds for v in newest_file.volume(found, VolumeConfig())] == [True]
    assert [v.observed for v in newest_file.volume(found, VolumeConfig(max_ratio=1.5)) if not v.holds] == [
        "c: 200 rows"
    ]
    config = DriftConfig(lines=400)
    same = standing.of_newest_file(tables | {"interactions": lines}, found, config, "UTC")
    assert {v.follows for v in standing.verdicts(same, config)} == {"holds"}
    dearer = lines.mutate(value=(lines.source_file == "c").ifelse(lines.value + 5, lines.value))
    moved = standing.of_newest_file(tables | {"interactions": dearer}, found, config, "UTC")
    assert [v.rule for v in standing.verdicts(moved, config) if not v.holds] == ["newest_file_drift_unit_price"]


def test_files_that_are_no_series_are_not_compared(tables):
    assert newest_file.find(tables["interactions"]) is None
    assert newest_file.find(day_files(tables, a=(1, 400, 0))) is None
    assert newest_file.find(day_files(tables, north=(1, 200, 0), south=(201, 400, 0))) is None
    assert (newest_file.volume(None, VolumeConfig()), standing.of_newest_file(tables, None, DriftConfig(), "UTC")) == (
        [],
        None,
    )
