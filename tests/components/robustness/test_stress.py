import json

import numpy as np
import pytest
import scipy.sparse as sp

from components.core.config import parse
from components.core.dataset import Histories
from components.core.errors import ConfigError, DataError
from components.core.ranking import top_k
from components.core.rng import stream
from components.robustness import page
from components.robustness.report import StressConfig, assemble, metrics
from components.robustness.stress import Point, Trial, curve, judge

N_ITEMS, USERS = 60, 80


def repeat_buyers() -> Trial:
    """Every user buys its own three items again and again, and will buy them once more."""
    rng = np.random.default_rng(0)
    own = [rng.choice(N_ITEMS, 3, replace=False).tolist() for _ in range(USERS)]
    histories = Histories.of([items * 4 for items in own], [list(range(12))] * USERS, now=100)
    rows = np.repeat(np.arange(USERS), 3)
    return Trial(histories, sp.csr_matrix((np.ones(3 * USERS), (rows, np.concatenate(own))), (USERS, N_ITEMS)))


def most_bought(histories):
    return top_k(histories.matrix(N_ITEMS).toarray(), 10)


def the_same_for_all(histories):
    return np.tile(np.arange(10, dtype=np.int32), (len(histories), 1))


@pytest.fixture(scope="module")
def report():
    config = StressConfig(levels=(0.2, 0.6, 1.0))
    return assemble(config, {"most bought": most_bought, "same for all": the_same_for_all}, repeat_buyers(), seed=1)


def test_a_perfect_recommender_starts_at_one_and_falls_to_chance(report):
    points = report["perturbations"]["event_noise"]["curves"]["most bought"]
    assert [p["level"] for p in points] == [0, 0.2, 0.6, 1.0]
    assert points[0]["ndcg"] == 1
    assert points[0]["loss"] == 0
    assert points[1]["ndcg"] > points[2]["ndcg"] > points[3]["ndcg"]
    assert points[3]["ndcg"] < 0.3


def test_what_ignores_histories_loses_nothing(report):
    for part in report["perturbations"].values():
        assert {p["loss"] for p in part["curves"]["same for all"]} == {0}


def test_intervals_enclose_their_means(report):
    for part in report["perturbations"].values():
        for p in [p for points in part["curves"].values() for p in points]:
            assert p["ndcg_low"] <= p["ndcg"] <= p["ndcg_high"]
            assert p["loss_low"] <= p["loss"] <= p["loss_high"]


def test_the_same_seed_gives_the_same_report(report):
    config = StressConfig(levels=(0.2, 0.6, 1.0))
    again = assemble(config, {"most bought": most_bought, "same for all": the_same_for_all}, repeat_buyers(), seed=1)
    assert again == report


def test_the_first_recommender_is_judged_by_the_declared_bound():
    def passed(level, bound):
        how = {"judged_level": level, "max_relative_loss": bound}
        config = StressConfig(levels=(0.2, 1.0), perturbations={"event_noise": how})
        return assemble(config, {"most bought": most_bought}, repeat_buyers(), seed=1)["passed"]

    assert passed(0.2, 0.5)
    assert not passed(1.0, 0.5)


def test_the_verdict_names_loss_level_and_bound():
    point = Point(0.2, 0.3, 0.28, 0.32, 0.125, 0.1, 0.15)
    assert judge([point], 0.2, 0.2) == (
        True,
        "loses 12.5% of NDCG@10 (10.0% to 15.0%) at level 0.2, at most 20.0% allowed",
    )


def test_the_loss_by_hand():
    """Means 0.8 → 0.6: a quarter is lost; all users lose alike in proportion, so the interval is that point."""
    before = np.array([0.4, 0.8, 1.2, np.nan])
    found = curve((0, 0.5), [before, before * 0.75], stream(1, "t"), "x")
    assert (found[1].loss, found[1].loss_low, found[1].loss_high) == pytest.approx((0.25, 0.25, 0.25))


def the_first_draw_and_twenty(bound):
    """Losses of event noise at 0.6, judged by one draw and, where that leaves it open, by twenty."""
    how = {"judged_level": 0.6, "max_relative_loss": bound}
    plans = [StressConfig(levels=(0.6,), perturbations={"event_noise": how}, draws=draws) for draws in (1, 20)]
    reports = [assemble(plan, {"most bought": most_bought}, repeat_buyers(), seed=1) for plan in plans]
    return [r["perturbations"]["event_noise"]["curves"]["most bought"][1] for r in reports]


def test_where_one_draw_leaves_the_verdict_open_the_mean_of_many_decides():
    once, often = the_first_draw_and_twenty(the_first_draw_and_twenty(1.0)[0]["loss"])
    assert often["loss"] != once["loss"]
    assert often["loss_high"] - often["loss_low"] < 0.6 * (once["loss_high"] - once["loss_low"])


def test_a_clear_verdict_costs_one_draw():
    once, often = the_first_draw_and_twenty(1.0)
    assert often == once


def test_nothing_to_lose_is_an_error():
    with pytest.raises(DataError, match="popularity finds nothing"):
        curve((0,), [np.zeros(3)], stream(1, "t"), "popularity")


@pytest.mark.parametrize(
    "values",
    [
        {"levels": (0.3, 0.2)},
        {"levels": (0.0, 0.2)},
        {"levels": (0.2, 1.2)},
        {"levels": (0.1,)},
        {"perturbations": {}},
        {"users": 0},
    ],
)
def test_impossible_plans_are_refused(values):
    with pytest.raises(ConfigError):
        parse(StressConfig, values, "params.yaml: stress")


def test_an_unknown_perturbation_is_named():
    config = StressConfig(perturbations={"earthquake": {}})
    with pytest.raises(ConfigError, match="unknown perturbation 'earthquake'; known: event_noise"):
        assemble(config, {"most bought": most_bought}, repeat_buyers(), seed=1)


def test_the_report_is_written_whole(report, tmp_path):
    page.write(report, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(page.FILES)
    assert json.loads((tmp_path / "report.json").read_text())["passed"] == report["passed"]
    assert "Event noise" in (tmp_path / "report.html").read_text()
    assert set(metrics(report)) == {"passed", "event_noise.relative_loss", "thinned_history.relative_loss"}
