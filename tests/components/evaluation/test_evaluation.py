"""The protocol on a shop of two users, and the gate's every way to say no."""

import copy

import numpy as np
import pytest

from components.core.dataset import Dataset
from components.core.errors import DataError, ReleaseError
from components.evaluation.compare import activity_slices, figure
from components.evaluation.foreign import translated
from components.evaluation.gate import GateConfig, decide, decide_release
from components.evaluation.protocol import ALL, NEW, lists, measure, ranked_lists, task
from components.metrics.calibration import base_rate, expected_calibration_error, reliability, skill
from components.splits.store import Target
from components.steps.gate import refuse_hindsight

DATA = Dataset.from_events(np.array(["a", "a", "b", "c"]), np.array(["w", "x", "y", "z"]), np.arange(4), 10)
# a buys x again and y for the first time; b buys z; c buys nothing.
TARGET = Target(np.array([0, 0, 1]), np.array([1, 2, 3], dtype=np.int32), 1, 0, np.array([0, 1]))
EXACT = {"least_recall": 0.95, "recall_at": 100, "indexes": {}}


def test_only_users_that_bought_are_asked_and_new_leaves_out_repeats():
    work = task(DATA, TARGET)
    assert work.histories.users.tolist() == [0, 1]
    assert work.relevant[ALL].toarray().tolist() == [[0, 1, 1, 0], [0, 0, 0, 1]]
    assert work.relevant[NEW].toarray().tolist() == [[0, 0, 1, 0], [0, 0, 0, 1]]


def test_the_new_view_ranks_without_what_was_seen():
    work = task(DATA, TARGET)
    scores = np.tile(np.array([4.0, 3.0, 2.0, 1.0], dtype=np.float32), (2, 1))
    found = ranked_lists(lambda block: lists(scores[: len(block)], block, 2), work.histories)
    assert found[ALL].tolist() == [[0, 1], [0, 1]]
    assert found[NEW].tolist() == [[2, 3], [0, 1]]


def test_a_foreign_catalogue_is_translated_both_ways():
    other = Dataset.from_events(np.array(["a", "a", "a"]), np.array(["q", "x", "z"]), np.arange(3), 10)
    heard = []

    def lister(block):
        heard.append((block.items.tolist(), block.users.tolist()))
        return {ALL: np.array([[0, 1, 2]]), NEW: np.array([[2, -1, -1]])}

    answer = translated(lister, other.items, other.users, DATA)(DATA.histories.take([0]))
    assert heard == [([1], [0])], "w is unknown there, x has another index"
    assert answer[ALL].tolist() == [[-1, 1, 3]], "q is unknown here"


def cell(mean, low, high):
    return {"mean": mean, "low": low, "high": high}


GOOD = {
    "evaluation": {
        "models": {"ranker": {ALL: {"coverage_at_10": {"mean": 0.3}}}},
        "differences": {
            ALL: {"household_frequency": cell(0.03, 0.02, 0.04), "household_recency": cell(0.02, 0.01, 0.03)},
            NEW: {"popularity": cell(0.02, 0.01, 0.03), "item_knn": cell(0.01, 0.005, 0.02)},
        },
        "slice_baseline": "popularity",
        "slices": {"few events": {"ranker": cell(0.2, 0.1, 0.3), "baseline": cell(0.3, 0.29, 0.31)}},
    },
    "robustness": {"passed": True, "reasons": ["held"]},
    "quality": {"accepted": True},
    "against_champion": {ALL: cell(0.0, -0.01, 0.01), NEW: cell(0.0, -0.01, 0.01)},
}


def failed(**changes):
    reports = copy.deepcopy(GOOD) | changes
    return [v.gate for v in decide(GateConfig(), **reports) if not v.passed]


def test_a_slice_that_is_clearly_worse_off_stops_a_release():
    worse = {"few events": {"ranker": cell(0.2, 0.1, 0.28), "baseline": cell(0.3, 0.29, 0.31)}}
    assert failed(evaluation=GOOD["evaluation"] | {"slices": worse}) == ["slices"]
    assert failed(evaluation=GOOD["evaluation"] | {"slices": {}}) == ["slices"]


def test_probabilities_must_mean_what_they_say_where_there_are_any():
    rare = {"expected_calibration_error": 0.02, "base_rate": 0.04, "skill": 0.1}
    assert failed(calibration=rare) == []
    assert failed(calibration=rare | {"expected_calibration_error": 0.0201}) == ["calibration"]
    verdict = next(v for v in decide(GateConfig(), **copy.deepcopy(GOOD)) if v.gate == "calibration")
    assert verdict.reason == "not asked: the scores order items and are not told as probabilities"


def test_probabilities_that_tell_nothing_pass_no_gate_however_rare_the_purchases():
    bought = np.arange(100) < 4
    nothing, everybody = (reliability(np.full(100, told), bought) for told in (0.0, 0.04))
    for curve in (nothing, everybody):
        judged = {"expected_calibration_error": expected_calibration_error(curve), "skill": skill(curve)}
        assert failed(calibration=judged | {"base_rate": base_rate(curve)}) == ["calibration"]
    assert expected_calibration_error(nothing) == pytest.approx(0.04)  # a small number, and all of the purchases


def test_the_release_itself_is_judged_on_its_pace_and_its_card():
    slow, silent, exact = decide_release(GateConfig(max_golden_ms=50), 50.1, ["Slices"], EXACT)
    assert (slow.passed, silent.passed, exact.passed) == (False, False, True)
    assert silent.reason == "nothing is said of: Slices"
    assert all(v.passed for v in decide_release(GateConfig(max_golden_ms=50), 50.0, [], EXACT))


def test_an_index_that_loses_too_much_of_the_exact_answer_stops_a_release():
    for recall, passed in ((0.949, False), (0.95, True)):
        told = EXACT | {"indexes": {"als": {"recall": recall}}}
        verdict = decide_release(GateConfig(), 1.0, [], told)[-1]
        assert verdict.passed == passed
        assert verdict.reason == f"recall@100 of the exact answer: als {recall:.3f}; at least 0.95 wanted"


def test_a_release_that_beats_the_simple_ones_passes():
    assert failed() == []
    assert failed(against_champion=None) == []


@pytest.mark.parametrize(
    ("low", "passes"), [(0.001, True), (0.0, False), (-0.01, False)], ids=["clear", "touching zero", "unclear"]
)
def test_a_gain_must_lie_outside_the_interval(low, passes):
    evaluation = copy.deepcopy(GOOD["evaluation"])
    evaluation["differences"][NEW]["item_knn"] = cell(0.01, low, 0.02)
    assert failed(evaluation=evaluation) == ([] if passes else ["accuracy_new_over_item_knn"])


def test_each_other_gate_can_fail():
    assert failed(quality={"accepted": False}) == ["data_quality"]
    assert failed(robustness={"passed": False, "reasons": ["lost 30 %"]}) == ["robustness"]
    worse = {ALL: cell(-0.02, -0.03, -0.01), NEW: cell(0.0, -0.1, 0.1)}
    assert failed(against_champion=worse) == ["champion_all"]
    narrow = copy.deepcopy(GOOD["evaluation"])
    narrow["models"]["ranker"][ALL]["coverage_at_10"]["mean"] = 0.001
    assert failed(evaluation=narrow) == ["coverage"]


def test_a_baseline_that_was_not_evaluated_fails_instead_of_being_skipped():
    missing = copy.deepcopy(GOOD["evaluation"])
    del missing["differences"][ALL]["household_recency"]
    assert failed(evaluation=missing) == ["accuracy_all_over_household_recency"]


def test_metrics_count_only_users_with_something_relevant():
    work = task(DATA, TARGET)
    found = measure(np.array([[1, 2], [0, 1]]), work.relevant[ALL], 4, k=2)
    assert found.per_user["ndcg"].tolist() == [1, 0]
    assert found.coverage[0] == 0.75


def test_a_champion_fitted_past_the_cutoff_is_not_compared():
    refuse_hindsight("3", fitted_until=100, cutoff=100)
    with pytest.raises(ReleaseError, match=r"version 3, was fitted on events up to 1970-01-02"):
        refuse_hindsight("3", fitted_until=100_000, cutoff=100)


def test_thirds_with_nobody_in_them_are_left_out():
    assert list(activity_slices(np.array([5, 5, 5]))) == ["few events (up to 5)"]


def test_a_figure_of_nobody_is_refused_in_words():
    with pytest.raises(DataError, match="no user bought anything"):
        figure(np.array([np.nan]), np.random.default_rng(0))
