"""DuckDB and Spark give the same rows: every row of every output of the data steps, on a small ugly shop and a slice of
Complete Journey.

Equal to the last bit, but for SUMMED: sums and means of money, which every engine adds up in an order of its own; those
agree to 1e-9.
"""

import math
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from components.core import layout
from components.core import schema as s
from components.core.config import parse
from components.core.registry import SPLITS
from components.data import engine
from components.data.engine import EngineConfig
from components.data.policy import CleanConfig
from components.data.source import SourceChoice
from components.evaluation.protocol import task
from components.splits import store
from components.splits.methods.temporal import TemporalConfig
from components.splits.splitter import SplitConfig
from components.steps.clean import clean
from components.steps.featurize import FeaturizeConfig, featurize
from components.steps.split import split

pytest.importorskip("pyspark")
NO_JAVA = pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17")
pytestmark = [pytest.mark.slow, NO_JAVA]

ENGINES = (
    EngineConfig(memory_limit_gb=1),
    EngineConfig(component="spark", memory_limit_gb=1, conf={"spark.sql.shuffle.partitions": 4}),
)
SUMMED = {
    "price", "price_28d", "discount_share", "discount_share_28d", "price_change",
    "user_spend", "user_price", "user_discount_share", "user_spend_per_basket",
}  # fmt: skip
KINDS = (s.PURCHASE, s.PURCHASE, s.VIEW, s.PURCHASE, s.CART, s.PURCHASE, s.CLICK, s.PURCHASE, s.RATING)
CLEANERS = {
    "units": {"volume_categories": ["FUEL"]},
    "bots": {"max_per_day": 3},
    "outliers": {"rules": [{"column": "value", "by": "category", "min_rows": 4, "limit": 3}]},
    "missing": {
        "rules": [
            {"table": "interactions", "column": "store_id", "method": "forward_fill", "by": "item_id"},
            {"table": "interactions", "column": "value", "method": "median", "by": "event_type", "indicator": True},
        ]
    },
}
START = datetime(2024, 1, 1)  # noqa: DTZ001 - canonical times are UTC without a zone
UGLY_IDS = [
    "007",
    " 7",
    "7",
    "naïve",
    "ŒUVRE",
    "😀👩‍👩‍👧",
    "x" * 10_000,
    "a\nb",
    "a\tb",
    'say "hi"',
    "'; DROP TABLE x; --",
    "=1+1",
    "{a}[b]*?",
]
UGLY_TEXTS = [
    None,
    "",
    "  ",
    "\t",
    "straße",
    "İstanbul",
    "ﬁne",
    "ÀÉ",
    "nul\0byte",
    "\ufeffbom",
    "a\u00a0b",
    "&amp;",
    "\\N",
    "NULL",
]
UGLY_NUMBERS = [0.0, -0.0, 1e308, 5e-324, 0.1 + 0.2, 1 / 3, 2.0**53 + 2, 1e-9, 19.99, 123456789.123456789]


def ugly_shop(root):
    """Canonical tables with what shops send: odd ids, blank and foreign texts, extreme numbers, nulls, fractions of
    seconds, exact duplicates, items nobody lists."""
    lines = [
        (
            UGLY_IDS[(i * i + i // 7) % 13] if i % 29 else None,
            UGLY_IDS[i % 11] if i % 17 else f"unlisted {i % 3}",
            KINDS[i % 9],
            START + timedelta(hours=7 * i, microseconds=(i * 333_333) % 1_000_000),
            UGLY_NUMBERS[i % 10] if i % 10 != 2 else (None if i % 20 == 2 else 3.5),
            float(1 + i % 3) if i % 13 else 9000.0,
            f"s{(i * i + i // 7) % 13}.{i // 60}",  # a visit is of one user
            None if i % 5 == 0 else f"store {i % 2}",
            0.25 * (i % 4),
            0.5 * (i % 2),
        )
        for i in range(300)
    ]
    lines += lines[:20] + [(*line[:2], s.CANCELLATION, line[3] + timedelta(days=9), *line[4:]) for line in lines[::9]]
    columns = dict(zip(s.INTERACTIONS[:10], zip(*lines, strict=True), strict=True))
    items = {c: [UGLY_TEXTS[(i * (n + 2) + n) % 14] for i in range(13)] for n, c in enumerate(s.ITEMS[1:8])}
    items[s.CATEGORY] = ["FUEL" if i % 4 == 0 else text for i, text in enumerate(items[s.CATEGORY])]
    users = {c: [UGLY_TEXTS[(i * (n + 3)) % 14] for i in range(13)] for n, c in enumerate(s.USERS[1:8])}
    promotions = {
        s.ITEM_ID: UGLY_IDS[:4] * 2,
        s.WEEK_START: [START] * 4 + [START + timedelta(days=63)] * 4,
        s.DISPLAY_SHARE: [0.0, -0.0, 1 / 3, 1.0] * 2,
        s.MAILER_SHARE: [1 / 3, 0.1, 0.2, 0.7] * 2,
    }
    for name, table in {
        s.INTERACTIONS_TABLE: columns,
        s.ITEMS_TABLE: {s.ITEM_ID: UGLY_IDS} | items,
        s.USERS_TABLE: {s.USER_ID: UGLY_IDS} | users,
        s.PROMOTIONS_TABLE: promotions,
    }.items():
        write(root / layout.VALIDATED / f"{name}.parquet", pa.table({c: list(v) for c, v in table.items()}))


def slice_of_complete_journey(root):
    """Raw tables: the households up to 60, and the promotions of the products up to 30,000."""
    source = SourceChoice().open()
    whole = root / "whole"
    whole.mkdir(parents=True)
    source.ingest(whole)
    kept = {
        "transactions": ("household_id", 60),
        "demographics": ("household_id", 60),
        "promotions": ("product_id", 30_000),
    }
    for name in source.raw:
        table = pq.read_table(whole / f"{name}.parquet")
        if name in kept:
            column, most = kept[name]
            table = table.filter(pc.less_equal(table[column], most))
        write(root / layout.DATA / f"{name}.parquet", table)
    return source


def write(path, table):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, coerce_timestamps="us")


def map_source(source, config, root):
    """What validate does first: canonical tables of the raw ones."""
    con = config.open()
    for name, table in source.tables(con, root / layout.DATA).items():
        engine.write_parquet(table, root / layout.VALIDATED / f"{name}.parquet")
    con.disconnect()


def prepare(config, root):
    """The data steps from clean to featurize."""
    clean(CleanConfig(engine=config, cleaners=CLEANERS, reference_share=0.5), root, 0)
    split(TemporalConfig(engine=config, min_users_per_item=2, min_items_per_user=2), root, 0)
    featurize(FeaturizeConfig(engine=config, private_brands=("Private", "ÀÉ")), root, 0)


def same_files(one: Path, other: Path):
    """Both folders hold the same files with the same rows in the same order; returns the number of rows compared."""
    names = sorted(str(p.relative_to(one)) for p in one.rglob("*") if p.is_file())
    assert names == sorted(str(p.relative_to(other)) for p in other.rglob("*") if p.is_file())
    tables = [name for name in names if name.endswith(".parquet")]
    for name in tables:
        same_rows(name, pq.read_table(one / name), pq.read_table(other / name))
    for name in set(names) - set(tables):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name
    return {name: pq.read_metadata(one / name).num_rows for name in tables}


def same_rows(name, one, other):
    assert [(f.name, f.type) for f in one.schema] == [(f.name, f.type) for f in other.schema], name
    for column in one.column_names:
        left, right = one[column].to_pylist(), other[column].to_pylist()
        assert len(left) == len(right), (name, column)
        differing = [(i, a, b) for i, (a, b) in enumerate(zip(left, right, strict=True)) if not same(a, b, column)]
        assert not differing, (name, column, len(differing), differing[:3])


def same(a, b, column):
    if isinstance(a, float) and isinstance(b, float):
        if column in SUMMED and math.isclose(a, b, rel_tol=1e-9):
            return True
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    return type(a) is type(b) and a == b


@pytest.fixture(scope="module")
def ugly(tmp_path_factory):
    roots = [tmp_path_factory.mktemp(config.component) for config in ENGINES]
    for config, root in zip(ENGINES, roots, strict=True):
        ugly_shop(root)
        prepare(config, root)
    return roots


@pytest.fixture(scope="module")
def journey(tmp_path_factory):
    roots = [tmp_path_factory.mktemp(config.component) for config in ENGINES]
    for config, root in zip(ENGINES, roots, strict=True):
        map_source(slice_of_complete_journey(root), config, root)
        prepare(config, root)
    return roots


@pytest.mark.parametrize("step", [layout.CLEAN, layout.SPLIT, layout.FEATURES])
def test_every_row_of_an_ugly_shop_is_equal_on_both(ugly, step):
    compared = same_files(ugly[0] / step, ugly[1] / step)
    assert all(compared.values()), compared


@pytest.mark.parametrize("step", [layout.VALIDATED, layout.CLEAN, layout.SPLIT, layout.FEATURES])
def test_every_row_of_complete_journey_is_equal_on_both(journey, step):
    compared = same_files(journey[0] / step, journey[1] / step)
    assert all(compared.values()), compared


def labels(root):
    """What a ranker learns of each fold: by fold and view the items that each user went on to buy, by name."""
    found = {}
    for fold in layout.FOLDS:
        asked, target = store.load_questions(root, fold, store.load_dataset(root / layout.SPLIT / fold / store.DATASET))
        work = task(asked, target)
        for view, relevant in work.relevant.items():
            rows, items = relevant.nonzero()
            found[fold, view] = sorted(zip(rows.tolist(), asked.items.decode(items).tolist(), strict=True))
    return found


@pytest.mark.parametrize("shop", ["ugly", "journey"])
def test_the_labels_that_a_ranker_learns_are_equal_on_both(shop, request):
    one, other = (labels(root) for root in request.getfixturevalue(shop))
    assert one == other
    assert all(one[fold, "all"] for fold in layout.FOLDS)


@pytest.mark.parametrize("method", [name for name in SPLITS.names() if name != "temporal"])
def test_every_split_method_gives_equal_rows_on_both(ugly, tmp_path, method):
    options = {"rolling": {"windows": 2, "window_days": 7}, "cold_items": {"hold_out": "share", "items_share": 0.3}}
    options["cold_users"] = {"users_share": 0.3}
    folders = []
    for engine_config, root in zip(ENGINES, ugly, strict=True):
        copy = tmp_path / engine_config.component
        shutil.copytree(root / layout.CLEAN, copy / layout.CLEAN)
        values = {"method": method, "min_users_per_item": 1, "min_items_per_user": 1} | options.get(method, {})
        split(parse(SplitConfig, values, method).model_copy(update={"engine": engine_config}), copy, 0)
        folders.append(copy / layout.SPLIT)
    assert any(same_files(*folders).values())
