"""The loop's steps on shops that have next to nothing: what a shop lacks must stop no step."""

import html
import shutil
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import bundle, layout
from components.core import schema as s
from components.core.config import parse
from components.core.errors import DataError
from components.core.registry import SPLITS
from components.data.policy import CleanConfig
from components.evaluation.gate import GateConfig
from components.ranking.training import RankConfig
from components.release.load import load
from components.release.release import Question
from components.robustness.report import StressConfig
from components.splits import store
from components.splits.splitter import SplitConfig
from components.steps import defaults
from components.steps.clean import clean
from components.steps.evaluate import EvaluateConfig, evaluate
from components.steps.featurize import FeaturizeConfig, featurize
from components.steps.gate import gate
from components.steps.inspect import inspect
from components.steps.rank import rank
from components.steps.reduce import ReduceConfig, reduce
from components.steps.register import RegisterConfig, register
from components.steps.split import split
from components.steps.stress import stress
from components.steps.train import TrainConfig, train

pytestmark = pytest.mark.slow

START = datetime(2024, 1, 1)  # noqa: DTZ001 - canonical times are UTC without a zone
USERS, ITEMS, DAYS = 90, 45, 60
MODELS = {"popularity": "popularity", "item_knn": "item_knn", "household_recency": "household"}
PARAMS = {"models": {name: {"component": component} for name, component in MODELS.items()}}
SEED = 3


def lines(seed, per_day=0.35, hour=0):
    """(user, item, time): user u comes every third day or so, mostly for items of the third u % 3, some of them new."""
    rng = np.random.default_rng(seed)
    for user in range(USERS):
        for day in range(DAYS):
            if rng.random() < per_day:
                at = START + timedelta(days=day, hours=hour * int(rng.integers(24)))
                liked = (3 * rng.zipf(1.3, size=3) + user % 3) % ITEMS
                for item in {*liked.tolist(), int(rng.integers(ITEMS))}:
                    yield f"u{user:02}", f"i{item:02}", at


def bare():
    """User, item and time to the day; an item table of ids only, as a source makes it where the shop has none."""
    user, item, at = (list(column) for column in zip(*lines(1), strict=True))
    return {s.USER_ID: user, s.ITEM_ID: item, s.EVENT_TYPE: [s.PURCHASE] * len(user), s.TIMESTAMP: at}


def clicks():
    """Clicks and views in sessions, nothing is ever paid."""
    user, item, at = (list(column) for column in zip(*lines(2, hour=1), strict=True))
    kind = [s.CLICK if len(i) % 2 == 0 and i > "i05" else s.VIEW for i in item]
    session = [f"{u}-{t:%j}" for u, t in zip(user, at, strict=True)]
    return {s.USER_ID: user, s.ITEM_ID: item, s.EVENT_TYPE: kind, s.TIMESTAMP: at, s.SESSION_ID: session}


def grocer():
    """As Ta-Feng: days, money and a class per item, nobody's discounts, no titles."""
    columns = bare()
    price = [1.0 + int(item[1:]) / 10 for item in columns[s.ITEM_ID]]
    return columns | {s.VALUE: price, s.QUANTITY: [1.0] * len(price)}


SHOPS = {
    "bare": (bare, {}),
    "clicks": (clicks, {}),
    "grocer": (grocer, {s.CATEGORY: lambda i: f"class {int(i[1:]) % 3}"}),
}


def accepted(root, shop):
    """What validate would hand on."""
    make, words = SHOPS[shop]
    columns = make()
    ids = sorted(set(columns[s.ITEM_ID]))
    items = {s.ITEM_ID: ids} | {name: [word(i) for i in ids] for name, word in words.items()}
    folder = root / layout.VALIDATED
    folder.mkdir(parents=True)
    (root / layout.QUARANTINE).mkdir()
    for name, table in ((s.INTERACTIONS_TABLE, columns), (s.ITEMS_TABLE, items)):
        pq.write_table(pa.table(table), folder / f"{name}.parquet")
    bundle.write_json(root / layout.QUALITY / "report.json", {"accepted": True})


def to_the_ranker(root, options):
    """The steps from split to rank, with what params.yaml need not say filled in from the models."""
    config = {"min_users_per_item": 2, "min_items_per_user": 2} | options
    split(parse(SplitConfig, config, "params.yaml: split"), root, SEED)
    featurize(FeaturizeConfig(), root, SEED)
    reduce(ReduceConfig(params={"embedding_size": 4}), root, SEED)
    inspect(FeaturizeConfig(), root, SEED)
    for name, component in MODELS.items():
        train(TrainConfig(name=name, component=component), root, SEED)
    return rank(
        section(RankConfig, "rank", candidates_per_model=10, lambdamart={"trees": 40, "threads": 1}), root, SEED
    )


def to_the_end(root):
    """The steps from evaluate to register; so few users show no small gain, so only popularity must be beaten."""
    evaluate(section(EvaluateConfig, "evaluate"), root, SEED)
    stress(section(StressConfig, "stress", users=40, levels=(0.2,)), root, SEED)
    return gate(section(GateConfig, "gate", beat={"all": ["popularity"]}), root, SEED), register(
        RegisterConfig(), root, SEED
    )


def section(config, name, **values):
    return parse(config, defaults.filled(name, values, PARAMS), f"params.yaml: {name}")


@pytest.fixture(scope="module")
def cleaned(request, tmp_path_factory):
    """Clean tables of every shop, and the project's suites of features."""
    roots = {}
    for shop in SHOPS:
        roots[shop] = tmp_path_factory.mktemp(shop)
        accepted(roots[shop], shop)
        clean(CleanConfig(), roots[shop], SEED)
        shutil.copytree(request.config.rootpath / layout.EXPECTATIONS, roots[shop] / layout.EXPECTATIONS)
    return roots


@pytest.fixture
def project(cleaned, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def copy(shop):
        shutil.copytree(cleaned[shop], tmp_path / shop)
        return tmp_path / shop

    return copy


@pytest.mark.parametrize("shop", SHOPS)
def test_the_whole_loop_ends_with_a_release_that_answers(shop, project):
    root = project(shop)
    to_the_ranker(root, {})
    decided, registered = to_the_end(root)
    assert decided.summary.endswith("gates passed")
    assert registered.summary.startswith("version 1 of")
    release = load(root / layout.RELEASE)
    answer = release.recommend(Question(user_id="u07", k=5, exclude_seen=True))
    assert len(answer.items) == 5
    assert answer.fallback is None


@pytest.mark.parametrize("method", [name for name in SPLITS.names() if name not in ("temporal", "cold_items")])
def test_every_other_split_leads_to_a_measured_ranker(method, project):
    options = {"rolling": {"windows": 4, "window_days": 5}, "cold_users": {"users_share": 0.25}}
    root = project("bare")
    to_the_ranker(root, {"method": method} | options.get(method, {}))
    evaluate(section(EvaluateConfig, "evaluate"), root, SEED)
    report = bundle.read_json(root / layout.EVALUATION / "report.json")
    assert report["split"]["method"] == method
    assert report["split"]["leaks"] == SPLITS.get(method).leaks
    assert report["models"]["ranker"]["all"]["ndcg_at_10"]["mean"] > 0.1
    assert report["split"]["leaks"] in html.unescape((root / layout.EVALUATION / "report.html").read_text())


def test_users_held_out_are_asked_with_their_own_past(project):
    root = project("bare")
    to_the_ranker(root, {"method": "cold_users", "users_share": 0.25})
    evaluate(section(EvaluateConfig, "evaluate"), root, SEED)
    data = store.load_dataset(root / layout.SPLIT / layout.TEST_FOLD / store.DATASET)
    lists = pq.read_table(root / layout.EVALUATION / "lists.parquet")
    asked = set(lists[s.USER_ID].to_pylist())
    assert len(asked) > 10
    assert not asked & set(data.users.ids.tolist())
    own = lists.filter(pa.compute.equal(lists[s.MODEL], "household_recency")).num_rows
    assert own, "a model of a user's own habits knows them from what it is told"


def test_cold_items_stop_at_the_ranker_and_say_what_is_needed(project):
    root = project("bare")
    with pytest.raises(DataError, match=r"rank: no model proposes anything.*needs a model that knows items before"):
        to_the_ranker(root, {"method": "cold_items", "hold_out": "share", "items_share": 0.2})


def test_earlier_rolling_windows_are_written_beside_the_loop_s_two(project):
    root = project("bare")
    config = parse(SplitConfig, {"method": "rolling", "windows": 4, "window_days": 5}, "split")
    split(config.model_copy(update={"min_users_per_item": 2, "min_items_per_user": 2}), root, SEED)
    facts = store.load_facts(root)
    assert [fold["name"] for fold in facts["folds"]] == ["window_1", "window_2", *layout.FOLDS]
    for fold in facts["folds"]:
        data = store.load_dataset(root / layout.SPLIT / fold["name"] / store.DATASET)
        assert len(data.users) == fold["users"]


def test_the_newest_window_is_compared_as_far_as_the_shop_goes(project):
    from components.quality.drift import DriftThresholds, drift
    from components.quality.windows import compared

    root = project("clicks")
    split(parse(SplitConfig, {"min_users_per_item": 2}, "split"), root, SEED)
    fold = root / layout.SPLIT / layout.TEST_FOLD
    reference, current = compared(
        fold / store.HISTORY, fold / store.TARGET, root / layout.CLEAN / "items.parquet", 5000, SEED
    )
    found = {column.column for column in drift(reference, current, DriftThresholds(), np.random.default_rng(SEED))}
    assert "weekday" in found
    assert "unit_price" not in found, "nothing was paid"
