"""Who gives the order, the ranker or its stand-in, by figures a person can compare."""

from dataclasses import replace

import numpy as np
import pytest

from components.core import bundle, layout
from components.core.errors import BundleError, ConfigError
from components.core.schema import RANKER
from components.evaluation import page
from components.evaluation.held_out import HeldOut
from components.evaluation.nominees import SET_ASIDE, Nominees, clearly_worse, standing_in, words_of
from components.evaluation.protocol import ALL, NEW, Measured
from components.ranking.consensus import Consensus
from components.ranking.lambdamart import Lambdamart
from components.ranking.nominee import FILE, led_by, stand_in_of
from components.steps.evaluate import _seated

BELOW, UNCLEAR, ABOVE = (-0.02, -0.01), (-0.01, 0.01), (0.01, 0.02)


def cell(low, high):
    return {"mean": (low + high) / 2, "low": low, "high": high}


def measured(*ndcg):
    return Measured({"ndcg": np.array(ndcg)}, (0.1, 0.1, 0.1))


def nominees(ranker, stand_in):
    """Both, of four users whose NDCG is given in view all; in view new both find the same."""
    same = measured(0.1, 0.2, 0.3, 0.4)
    draw = np.random.default_rng(1)
    parts = ({ALL: measured(*values), NEW: same} for values in (ranker, stand_in))
    return Nominees.measured("item_knn", "+0.0100 ± 0.0020 on held-out users", *parts, draw)


@pytest.mark.parametrize(
    ("on_all", "on_new", "worse"),
    [
        (BELOW, BELOW, True),
        (BELOW, UNCLEAR, True),
        (UNCLEAR, BELOW, True),
        (BELOW, ABOVE, False),
        (ABOVE, BELOW, False),
        (UNCLEAR, UNCLEAR, False),
        ((-0.02, 0.0), UNCLEAR, False),
        ((0.0, 0.0), (0.0, 0.0), False),
        (ABOVE, ABOVE, False),
    ],
)
def test_a_ranker_gives_way_where_it_clearly_loses_in_a_view_and_clearly_wins_in_none(on_all, on_new, worse):
    assert clearly_worse({ALL: cell(*on_all), NEW: cell(*on_new)}) is worse


def test_a_ranker_that_loses_says_by_how_much_and_what_choosing_by_this_window_is_worth():
    found = nominees([0.1, 0.2, 0.1, 0.2], [0.3, 0.4, 0.4, 0.5])
    assert found.ranker_gives_way
    assert found.differences[NEW] == {"mean": 0, "low": 0, "high": 0}
    assert found.words.startswith("The order is that of item_knn alone, which stands in for the ranker")
    assert "clearly worse than it, by NDCG@10 -0.2500 (-0.3000 to -0.2000) on all items" in found.words
    assert "On the validation window, which named it, the ranker had +0.0100 ± 0.0020 on held-out users." in found.words
    # An interval .1 wide is .1 / 3.92 standard errors; the mean of half a normal error is .3989 of them.
    assert found.flattered == pytest.approx(0.3989 * 0.1 / 3.92, rel=1e-3)
    assert found.words.endswith("flatters its NDCG@10 by up to 0.0102: let an A/B test decide.")


def test_a_ranker_that_is_not_clearly_worse_keeps_its_place():
    found = nominees([0.1, 0.4, 0.1, 0.4], [0.3, 0.2, 0.3, 0.2])
    assert not found.ranker_gives_way
    assert found.words.startswith("The order is the ranker's: on the test window it is not clearly worse than item_knn")
    assert "flatters" not in found.words


def test_a_ranker_that_loses_one_view_and_wins_the_other_keeps_its_place_and_says_so():
    won = replace(nominees([0.1] * 4, [0.3] * 4), differences={ALL: cell(*ABOVE), NEW: cell(*BELOW)})
    assert not won.ranker_gives_way
    assert "clearly worse than item_knn, its stand-in, in one view and clearly better in the other" in won.words
    assert "+0.0150 (+0.0100 to +0.0200) on all items, -0.0150 (-0.0200 to -0.0100) on items new" in won.words


def test_the_report_tells_of_both_and_of_who_gives_the_order():
    lost, kept = ({"nominees": nominees(ours, [0.3] * 4).report()} for ours in ([0.1] * 4, [0.3] * 4))
    assert standing_in(lost) == "item_knn"
    assert standing_in(kept) is None
    assert standing_in({}) is standing_in({"nominees": None}) is None
    assert words_of({"nominees": None}) == ""
    assert {name: views[ALL]["mean"] for name, views in lost["nominees"]["figures"].items()} == {
        RANKER: pytest.approx(0.1),
        "item_knn": pytest.approx(0.3),
    }


def test_what_is_released_stands_as_the_ranker_and_the_ranker_that_gave_way_beside_it():
    found = {"ranker": 1, "stand_in": 2, "popularity": 3}
    assert _seated(found, nominees([0.1] * 4, [0.3] * 4)) == {"ranker": 2, "popularity": 3, SET_ASIDE: 1}
    assert _seated(found, nominees([0.3] * 4, [0.3] * 4)) == {"ranker": 1, "popularity": 3}


def test_the_best_model_of_the_validation_window_is_named_unless_it_leads_already():
    nobody = np.full(4, np.nan)
    won = {RANKER: [0.5, 0.6, 0.5, 0.6], "ease": [0.1, 0.3, 0.1, 0.3], "popularity": [0.1, 0.1, 0.1, 0.1]}
    named = HeldOut({name: {ALL: np.array(values), NEW: nobody} for name, values in won.items()}).stand_in()
    assert named["model"] == "ease"
    assert named["words"].startswith("+0.3500 ± ")
    assert named["ndcg_at_10"] == {
        RANKER: {ALL: pytest.approx(0.55), NEW: None},
        "ease": {ALL: pytest.approx(0.2), NEW: None},
    }
    lost = {RANKER: won["ease"], "ease": won[RANKER]}
    assert HeldOut({name: {ALL: np.array(values), NEW: nobody} for name, values in lost.items()}).stand_in() is None


def test_a_stand_in_s_order_tells_no_probabilities_and_leaves_the_ranker_as_it_was():
    ranker = Lambdamart()
    ranker.calibration, ranker.buy_again = object(), object()
    led = led_by(ranker, "item_knn")
    assert led.consensus == Consensus.only("item_knn", "popularity")
    assert (led.calibration, led.buy_again) == (None, None)
    assert ranker.consensus is None
    assert ranker.calibration is not None


def test_what_was_decided_holds_for_one_ranker_only(tmp_path):
    assert stand_in_of(tmp_path) is None
    bundle.write(tmp_path / layout.RANKER, {"kind": "ranker"})
    decided = {"ranker": bundle.digest(tmp_path / layout.RANKER), "stand_in": "item_knn"}
    bundle.write_json(tmp_path / FILE, decided)
    assert stand_in_of(tmp_path) == "item_knn"
    bundle.write_json(tmp_path / FILE, decided | {"stand_in": None})
    assert stand_in_of(tmp_path) is None
    bundle.write(tmp_path / layout.RANKER, {"kind": "ranker", "another": True})
    with pytest.raises(BundleError, match=r"nominee.json: was decided for another ranker.*run evaluate again"):
        stand_in_of(tmp_path)
    bundle.write_json(tmp_path / FILE, {"stand_in": "item_knn"})
    with pytest.raises(ConfigError, match=r"nominee.json"):
        stand_in_of(tmp_path)


def test_a_page_shows_both_nominees(tmp_path):
    figures = {f"{metric}_at_10": cell(0.1, 0.2) for metric in ("ndcg", "recall", "mrr", "hit_rate", "coverage")}
    report = {
        "cutoff_time": "2024-03-01 00:00 UTC",
        "users": 4,
        "catalogue": 9,
        "counted": {ALL: 4, NEW: 4},
        "target_outside_share": 0.0,
        "target_unknown_users": 0,
        "models": {name: {ALL: figures, NEW: figures} for name in ("ranker", "popularity", SET_ASIDE)},
        "differences": {view: {"popularity": cell(0.1, 0.2)} for view in (ALL, NEW)},
        "slice_baseline": "popularity",
        "slices": {},
        "split": {"method": "temporal", "leaks": "nothing", "one_cutoff": True},
        "nominees": nominees([0.1, 0.2, 0.1, 0.2], [0.3, 0.4, 0.4, 0.5]).report(),
    }
    told = page.write(report, tmp_path / "report.html").read_text()
    assert "is what is released: the order of item_knn." in told
    assert "order of item_knn" in told
    assert "-0.2500 (-0.3000 to -0.2000)" in told
    assert "ranker minus stand-in" in told
