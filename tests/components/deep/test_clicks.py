"""Clicked or not, of what was shown: planted rates come back, probabilities are true, nothing else is learned from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from components.core.dataset import DAY_S, Dataset
from components.core.errors import DataError
from components.core.exposures import NOBODY, Exposures
from components.core.logistic import chance
from components.deep._clicks import ClickPasts, split_by_time, weights_of
from components.deep.deep_fm import DeepFm, DeepFmConfig
from components.deep.fm import Fm, FmConfig
from components.metrics.calibration import expected_calibration_error, reliability

NOW = 400 * DAY_S
RATES = np.array([0.02, 0.05, 0.1, 0.2, 0.3, 0.5])
PLACES = np.array([1.0, 0.5])  # of a click, by place
CLICK = {"objective": "click", "embedding_size": 4, "epochs": 30, "learning_rate": 0.02, "validation_share": 0.2}


def shop(n_shown: int = 8000, seed: int = 0) -> Dataset:
    """Six items shown at random in two places to strangers and to twenty customers; RATES · PLACES are clicked."""
    draw = np.random.default_rng(seed)
    rows = [(u, i, NOW - (60 + d) * DAY_S) for u in range(20) for d, i in enumerate(draw.permutation(6)[:4])]
    users, items, times = np.array(rows).T
    data = Dataset.from_events(np.char.zfill(users.astype(str), 2), items.astype(str), times, NOW)
    item, place = draw.integers(6, size=n_shown), draw.integers(2, size=n_shown)
    shown = Exposures(
        draw.integers(NOBODY, 20, size=n_shown),
        item.astype(np.int32),
        (place + 1).astype(np.int32),
        np.full(n_shown, 1 / 6, np.float32),
        draw.random(n_shown) < RATES[item] * PLACES[place],
        np.sort(draw.integers(NOW - 50 * DAY_S, NOW, size=n_shown)),
    )
    return replace(data, exposures=shown)


def shown_of(n: int, **columns: object) -> Exposures:
    ones = np.ones(n, np.int64)
    usual = {"rows": 0 * ones, "items": 0 * ones, "positions": ones, "propensity": ones, "clicked": ones > 0}
    return Exposures(**usual | {"times": NOW - DAY_S + np.arange(n)} | columns)


@pytest.mark.slow
@pytest.mark.parametrize(("cls", "config"), [(Fm, FmConfig(**CLICK)), (DeepFm, DeepFmConfig(**CLICK))])
def test_planted_click_rates_come_back_as_probabilities_that_are_true(cls: type, config: object) -> None:
    data = shop()
    model = cls(config).fit(data, np.random.default_rng(0))
    mean = chance(model.logits(data.histories)).mean(axis=0)  # at an average place
    np.testing.assert_allclose(mean, RATES * PLACES.mean(), atol=0.08)
    first, second = model.weights["position_biases"]
    assert first > second, "the first place is clicked twice as often"
    fresh = shop(seed=1)
    found = model.click_probabilities(fresh.histories, fresh.exposures)
    curve = reliability(found, fresh.exposures.clicked)
    assert expected_calibration_error(curve) < 0.03
    told = {name: values[-1] for name, values in model.curves().items()}
    assert told["calibration_error"] < 0.05 and told["log_loss"] < told["log_loss_of_the_mean"]
    assert not model.remarks()


@pytest.mark.slow
def test_few_clicks_are_said_to_prove_little() -> None:
    data = shop(300)
    [remark] = Fm(FmConfig(**CLICK | {"epochs": 2})).fit(data, np.random.default_rng(0)).remarks()
    assert "clicks among the" in remark and "fewer than 50" in remark


@pytest.mark.parametrize("exposures", [None, shown_of(3, clicked=np.zeros(3, bool))])
def test_without_a_click_there_is_nothing_to_learn_and_the_words_say_so(exposures: Exposures | None) -> None:
    data = replace(shop(10), exposures=exposures)
    with pytest.raises(DataError, match=r"fm: objective: click learns from what was shown and clicked, .* no click"):
        Fm(FmConfig(**CLICK)).fit(data, np.random.default_rng(0))


def test_the_calibration_is_never_measured_on_what_was_learned() -> None:
    with pytest.raises(ValueError, match="refit must be false where objective is click"):
        FmConfig(objective="click", refit=True)


@pytest.mark.slow
def test_the_calibration_is_never_measured_on_what_chose_the_epoch() -> None:
    data = shop(2000)
    last_half_of_kept_back = data.exposures.times >= np.quantile(data.exposures.times, 0.91)
    other = replace(data.exposures, clicked=data.exposures.clicked ^ last_half_of_kept_back)
    curves = [
        Fm(FmConfig(**CLICK | {"epochs": 3})).fit(part, np.random.default_rng(0)).curves()
        for part in (data, replace(data, exposures=other))
    ]
    assert curves[0]["validation_gain"] == curves[1]["validation_gain"]
    assert curves[0]["calibration_error"] != curves[1]["calibration_error"]


@pytest.mark.slow
@pytest.mark.parametrize("when", ["one moment", "late clicks"])
def test_where_all_exposures_are_learnt_from_no_calibration_is_told_and_why(when: str) -> None:
    shown = shop(400).exposures
    if when == "one moment":
        other = replace(shown, times=np.full(len(shown), NOW - DAY_S))
    else:
        other = replace(shown, clicked=shown.times >= np.quantile(shown.times, 0.95))
    model = Fm(FmConfig(**CLICK | {"epochs": 2})).fit(replace(shop(400), exposures=other), np.random.default_rng(0))
    assert list(model.curves()) == ["train_loss"]
    assert any("all exposures were learnt from" in remark for remark in model.remarks())


@pytest.mark.slow
def test_who_keeps_nothing_back_is_not_told_to_bring_more() -> None:
    model = Fm(FmConfig(**CLICK | {"epochs": 1, "validation_share": 0})).fit(shop(400), np.random.default_rng(0))
    assert not model.remarks()


def test_the_past_of_an_exposure_ends_before_it_and_a_stranger_has_none() -> None:
    data = Dataset.from_events(
        np.array(["a", "a", "b"]), np.array(["x", "y", "z"]), np.array([10, 20, 15]) * DAY_S, 40 * DAY_S
    )
    times = np.array([10, 15, 21, 30]) * DAY_S
    pasts = ClickPasts(data.histories, FmConfig()).of(shown_of(4, rows=np.array([0, 0, 0, NOBODY]), times=times))
    held = [data.items.ids[pasts.items[pasts.rows == row]].tolist() for row in range(4)]
    assert held == [[], ["x"], ["x", "y"], []]


def test_weights_undo_how_often_an_item_was_shown_up_to_a_limit() -> None:
    shown = shown_of(3, propensity=np.array([0.5, 0.25, 0.001]))
    assert weights_of(shown, FmConfig()).tolist() == [1, 1, 1]
    inverse = weights_of(shown, FmConfig(propensity="inverse", max_weight=4))
    assert inverse == pytest.approx(np.array([2, 4, 4]) / (10 / 3))


def test_the_last_exposures_are_kept_back_and_a_moment_is_not_parted() -> None:
    shown = shown_of(4, times=NOW - np.array([4, 2, 2, 1]))
    earlier, later = split_by_time(shown, 0.5)
    assert (len(earlier), len(later)) == (1, 3)
    assert [len(part) for part in split_by_time(shown, 0)] == [4, 0]


def test_where_no_event_is_earlier_than_what_would_be_kept_back_all_is_learnt_from_and_told() -> None:
    data = shop(400)
    late = np.full(len(data.histories.items), NOW - 1)
    young = replace(data, histories=replace(data.histories, times=late))
    model = Fm(FmConfig(**CLICK | {"epochs": 1})).fit(young, np.random.default_rng(0))
    assert any("all exposures were learnt from" in remark for remark in model.remarks())


def test_clicks_that_are_kept_back_are_in_no_history_that_is_learnt_from() -> None:
    """Where what was clicked is an event too, the past ends where what is kept back begins."""
    data = shop(400)
    shown = data.exposures
    clicked = shown.keep(shown.clicked & (shown.rows != NOBODY))
    users, items = data.users.ids[clicked.rows], data.items.ids[clicked.items]
    both = Dataset.from_events(users, items, clicked.times, NOW)
    rows = np.where(shown.rows == NOBODY, NOBODY, both.users.encode(data.users.ids[shown.rows]))
    both = replace(both, exposures=replace(shown, rows=rows, items=both.items.encode(data.items.ids[shown.items])))
    model = Fm(FmConfig(**CLICK))
    past, _ = model.kept_back(both, np.random.default_rng(0))
    assert len(past.histories.items) < len(both.histories.items)
    assert past.histories.times.max() < model._parted(both)[1].times.min()
