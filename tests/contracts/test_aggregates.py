"""What is counted over whole tables for the data report is the same on DuckDB and on Spark: profiles, drift's columns,
volume, price units, one user, ids that are not listed. Equal, but for sums of money, which agree to 1e-9."""

import numpy as np
import pytest

from components.core import layout, schema
from components.data import engine
from components.data.handover import Handover
from components.quality import newest_file, snapshots, windows, workspace
from components.quality.judge import ROW
from components.quality.one_user import OneUserConfig, one_user
from components.quality.price_units import PriceUnitsConfig, same_unit
from components.quality.profile import profile
from tests.contracts.test_engines import ENGINES, NO_JAVA, START, ugly_shop

pytest.importorskip("pyspark")
pytestmark = [pytest.mark.slow, NO_JAVA]
ZONE = "America/New_York"
MONEY = {"unit_price", "discount_share", "basket_value"}


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """All aggregates on both engines, of the ugly shop with `row` and two files."""
    root = tmp_path_factory.mktemp("shop")
    ugly_shop(root)
    found = []
    for config in ENGINES:
        con = engine.connect(1, 1)
        handover = Handover(config, root / config.component)
        names = sorted(file.stem for file in (root / layout.VALIDATED).glob("*.parquet"))
        tables = {name: laid_out(con, name, root) for name in names}
        seen = {name: handover.seen(name, table) for name, table in tables.items()}
        found.append(aggregates(con, handover, seen))
        handover.close()
        con.disconnect()
    return found


def laid_out(con, name, root):
    """A table in a fixed order, its rows numbered; late interactions stand in a second file."""
    table = engine.read_parquet(con, root / layout.VALIDATED / f"{name}.parquet")
    table = con.create_table(f"rows_{name}", workspace.numbered(table.order_by(table.columns)))
    if name == schema.INTERACTIONS_TABLE:
        late = table[schema.TIMESTAMP] > START.replace(month=3, day=20)
        table = table.mutate(**{schema.SOURCE_FILE: late.ifelse("b.csv", "a.csv")})
    return table


def aggregates(con, handover, seen):
    events, items = seen[schema.INTERACTIONS_TABLE], seen[schema.ITEMS_TABLE]
    unknown = {mark: handover.brought(con, "_".join(mark), ids) for mark, ids in workspace.unlisted(seen).items()}
    return {
        "unlisted": {mark: sorted(ids.to_pyarrow().column(0).to_pylist()) for mark, ids in unknown.items()},
        "profile": profile(seen),
        "one_user": one_user(seen, OneUserConfig(share=0.01)),
        "same_unit": same_unit(events, PriceUnitsConfig(min_lines=3, min_ratio=2, max_ratio=1e6)),
        "newest_file": newest_file.find(events),
        "snapshot": snapshots.describe(seen, "digest"),
        "all": windows.described(events, items, ROW, 10_000, ZONE),
        "sample": windows.described(events, items, ROW, 60, ZONE),
    }


def test_profiles_are_equal(counted):
    one, other = (found["profile"] for found in counted)
    for name in ("rows", "missing", "days", "types", "changed"):
        assert getattr(one, name) == getattr(other, name), name
    assert np.array_equal(one.price_edges, other.price_edges)
    assert np.array_equal(one.price_counts, other.price_counts)
    assert one.rows["interactions"] > 300
    assert one.price_counts.sum() > 100


@pytest.mark.parametrize("name", ["unlisted", "one_user", "same_unit", "newest_file", "snapshot"])
def test_verdicts_and_facts_are_equal(counted, name):
    assert counted[0][name] == counted[1][name]


def test_the_facts_are_no_empty_ones(counted):
    found = counted[0]
    assert found["unlisted"]["interactions", "item_is_listed"] == ["unlisted 0", "unlisted 1", "unlisted 2"]
    assert [verdict.holds for verdict in found["one_user"]] == [False]
    assert not found["same_unit"].holds
    assert found["newest_file"].name == "b.csv"


@pytest.mark.parametrize("sample", ["all", "sample"])
def test_what_drift_compares_is_equal(counted, sample):
    one, other = (found[sample] for found in counted)
    assert list(one) == list(other)
    assert {"weekday", "hour", "basket_lines", "title"} <= set(one)
    for name, values in one.items():
        if name in MONEY:
            np.testing.assert_allclose(np.sort(values), np.sort(other[name]), rtol=1e-9, equal_nan=True)
        else:
            assert sorted(values.tolist(), key=str) == sorted(other[name].tolist(), key=str), name
