"""A spoilt ranker gives way to its stand-in, and every step after `evaluate` knows: from stress to the answer."""

import shutil

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from components.core import bundle, layout
from components.core import schema as s
from components.core.errors import BundleError
from components.evaluation.gate import GateConfig
from components.ranking.assemble import CHOICE, load_hybrid, trained_hybrid
from components.ranking.consensus import Consensus
from components.ranking.nominee import FILE
from components.release.load import load
from components.release.release import Question
from components.robustness.report import StressConfig
from components.splits import store
from components.steps.evaluate import EvaluateConfig, evaluate
from components.steps.gate import gate
from components.steps.register import RegisterConfig, register
from components.steps.stress import stress

pytestmark = pytest.mark.slow

SEED = 1
COMPARED = ["popularity", "item_knn", "household_recency"]
# The stand-in is one of these models, so what it must beat is the other two.
GATE = GateConfig(beat={"all": ["popularity"]})


@pytest.fixture(scope="module")
def spoilt(trained_shop, tmp_path_factory):
    """The shop with a ranker that puts last what item_knn puts first, and item_knn named as its stand-in."""
    root = tmp_path_factory.mktemp("spoilt") / "project"
    shutil.copytree(trained_shop, root)
    folder = root / layout.RANKER
    ranker = trained_hybrid(root, layout.TEST_FOLD, dataset(root)).ranker
    weights = [0.0, -1.0, 0.0]
    columns = Consensus.only("item_knn", "popularity").columns
    ranker.consensus = Consensus(columns, weights, weights, (0.0, 0.0), (0.0, 0.0), 0.0)
    ranker.save(folder)
    choice = bundle.read_json(folder / CHOICE)
    named = {"model": "item_knn", "words": "as the test says", "ndcg_at_10": {}}
    bundle.write_json(folder / CHOICE, choice | {"stand_in": named})
    bundle.write_json(
        folder / layout.CALIBRATION_FILE, {"expected_calibration_error": 0.9, "base_rate": 0.1, "skill": -1, "pairs": 1}
    )
    bundle.seal(folder, {})
    return root


@pytest.fixture(scope="module")
def judged(spoilt, tmp_path_factory):
    """The steps from evaluate to register, and the project they ran in."""
    root = tmp_path_factory.mktemp("judged") / "project"
    shutil.copytree(spoilt, root)
    results = [
        evaluate(EvaluateConfig(models=COMPARED), root, SEED),
        stress(StressConfig(users=40, levels=(0.2,)), root, SEED),
        gate(GATE, root, SEED),
        register(RegisterConfig(), root, SEED),
    ]
    return results, root


def dataset(root):
    return store.load_dataset(root / layout.SPLIT / layout.TEST_FOLD / store.DATASET)


def test_evaluate_measures_both_and_says_who_gives_the_order(judged):
    (measured, *_), root = judged
    report = bundle.read_json(root / layout.EVALUATION / "report.json")
    found = {name: report["models"][name]["all"]["ndcg_at_10"]["mean"] for name in report["models"]}
    assert found["ranker"] == pytest.approx(found["item_knn"], abs=0.01)
    assert found["trained_ranker"] < found["ranker"] - 0.1
    assert report["nominees"]["order"] == "item_knn"
    assert measured.summary.startswith("item_knn, the stand-in: NDCG@10 ")
    assert "which stands in for the ranker" in measured.summary
    assert measured.metrics["stand_in_gives_the_order"] == 1
    assert measured.metrics["gain_over_stand_in.all"] < -0.1
    assert measured.metrics["trained_ranker.all.ndcg_at_10"] == found["trained_ranker"]
    assert "order of item_knn" in (root / layout.EVALUATION / "report.html").read_text()


def test_the_lists_of_what_is_released_and_of_what_gave_way_can_be_recomputed(judged):
    _, root = judged
    lists = pq.read_table(root / layout.EVALUATION / "lists.parquet")
    held = {name: lists.filter(pc.equal(lists[s.MODEL], name)).num_rows for name in ("ranker", "trained_ranker")}
    assert held["ranker"] == held["trained_ranker"] > 0


def test_what_comes_after_judges_the_stand_in_by_the_same_gates_and_no_probabilities_of_the_ranker(judged):
    (_, stressed, decided, _), root = judged
    assert stressed.summary.startswith("item_knn, the stand-in; ")
    assert bundle.read_json(root / layout.ROBUSTNESS / "report.json")["stand_in"] == "item_knn"
    decision = bundle.read_json(root / layout.DECISION / "decision.json")
    assert decision["passed"]
    assert decision["order"] == "item_knn"
    assert "which stands in for the ranker" in decision["nominees"]
    assert set(decision["gates"]) == {
        "data_quality", "accuracy_all_over_popularity", "coverage", "robustness", "slices", "calibration",
    }  # fmt: skip
    assert decision["gates"]["calibration"]["reason"].startswith("not asked")
    assert decided.summary.endswith("(judged was item_knn, the ranker's stand-in)")


def test_the_release_answers_by_the_stand_in_and_its_card_says_so(judged):
    _, root = judged
    release = load(root / layout.RELEASE)  # its golden answers are asked again here
    question = Question(user_id="u07", k=5)
    answer = release.recommend(question)
    model = release.hybrid.models["item_knn"]
    scores = model.score(release.history(question))[0]
    assert scores[answer.items] == pytest.approx(np.sort(scores)[:-6:-1], rel=1e-3)
    assert np.isnan(answer.probabilities).all()
    leading = {reason.features[0][0] for reason in release.reasons(question, answer)}
    assert leading == {"strength.item_knn"}
    card = (root / layout.RELEASE / "model_card.md").read_text()
    assert "The order is that of item_knn alone, which stands in for the ranker" in card
    assert "let an A/B test decide" in card
    assert "Its order: item_knn alone, the stand-in (see Metrics)." in card
    assert "not told: the curve of probabilities was fitted on the ranker's scores" in card


def test_switched_off_the_ranker_keeps_its_place_however_bad_it_is(spoilt, tmp_path):
    root = tmp_path / "project"
    shutil.copytree(spoilt, root)
    result = evaluate(EvaluateConfig(models=COMPARED, stand_in=False), root, SEED)
    report = bundle.read_json(root / layout.EVALUATION / "report.json")
    assert report["nominees"] is None
    assert set(report["models"]) == {"ranker", *COMPARED}
    assert "stand_in_gives_the_order" not in result.metrics
    assert load_hybrid(root, layout.TEST_FOLD, dataset(root)).ranker.consensus.had[1] == -1


def test_where_the_ranker_is_not_clearly_worse_every_figure_is_as_it_is_without_a_stand_in(trained_shop, tmp_path):
    root = tmp_path / "project"
    shutil.copytree(trained_shop, root)
    file = root / layout.RANKER / CHOICE
    named = {"model": "popularity", "words": "as the test says", "ndcg_at_10": {}}
    bundle.write_json(file, bundle.read_json(file) | {"stand_in": named})
    bundle.seal(file.parent, {})
    reports, listed = [], []
    for stand_in in (True, False):
        evaluate(EvaluateConfig(models=COMPARED, stand_in=stand_in), root, SEED)
        reports.append(bundle.read_json(root / layout.EVALUATION / "report.json"))
        listed.append((root / layout.EVALUATION / "lists.parquet").read_bytes())
        assert bundle.read_json(root / FILE)["stand_in"] is None
    assert reports[0].pop("nominees")["order"] == "ranker"
    assert reports[1].pop("nominees") is None
    assert reports[0] == reports[1]
    assert listed[0] == listed[1]


def test_a_new_ranker_is_not_served_by_what_was_decided_for_another(judged, tmp_path):
    root = tmp_path / "project"
    shutil.copytree(judged[1], root)
    file = root / layout.RANKER / CHOICE
    bundle.write_json(file, bundle.read_json(file) | {"candidates_per_model": 11})
    bundle.seal(file.parent, {})
    with pytest.raises(BundleError, match="decided for another ranker"):
        load_hybrid(root, layout.TEST_FOLD, dataset(root))
