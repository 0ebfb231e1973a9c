"""What a short params.yaml leaves out follows from the models it names."""

import pytest

from components.core.config import PARAMS_FILE, read_params
from components.core.errors import ConfigError
from components.steps import runner
from components.steps.defaults import baseline, filled


def trained(**components):
    return {"models": {name: {"component": component} for name, component in components.items()}}


SHORT = trained(popularity="popularity", lately="popularity", mine="household", item_knn="item_knn", als="als")


def test_every_trained_model_proposes_and_is_compared():
    assert filled("rank", {}, SHORT) == {"candidates": ["popularity", "lately", "mine", "item_knn", "als"]}
    assert filled("evaluate", {}, SHORT)["models"] == ["popularity", "lately", "mine", "item_knn", "als"]


def test_the_gate_asks_for_a_gain_over_habits_and_over_the_simplest_strangers_advice():
    beat = filled("gate", {}, SHORT)["beat"]
    assert beat == {"all": ["mine"], "new": ["popularity", "lately", "item_knn"]}
    assert filled("gate", {}, trained(popularity="popularity"))["beat"] == {
        "all": ["popularity"],
        "new": ["popularity"],
    }


def test_only_what_is_compared_must_be_beaten():
    chosen = SHORT | {"evaluate": {"models": ["popularity", "als"]}}
    assert filled("gate", {}, chosen)["beat"] == {"all": ["popularity"], "new": ["popularity"]}


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ({"popularity": "popularity", "mine": "household", "household_recency": "household"}, "household_recency"),
        ({"popularity": "popularity", "item_knn": "item_knn", "mine": "household"}, "mine"),
        ({"popularity": "popularity", "item_knn": "item_knn"}, "item_knn"),
        ({"popularity": "popularity"}, "popularity"),
    ],
)
def test_the_simple_model_shown_beside_the_ranker(models, expected):
    params = trained(**models)
    assert baseline(params) == expected
    assert filled("stress", {}, params) == {"baseline": expected}
    assert filled("evaluate", {}, params)["slice_baseline"] == expected


def test_what_is_said_stays_and_other_sections_are_left_alone():
    assert filled("rank", {"candidates": ["popularity"]}, SHORT) == {"candidates": ["popularity"]}
    assert filled("clean", {"a": 1}, SHORT) == {"a": 1}


@pytest.fixture
def short(request):
    """The project's params.yaml with everything left out that may be."""
    params = read_params(request.config.rootpath / PARAMS_FILE)
    return {name: {} for name in params} | {"seed": 7} | SHORT


def test_sections_of_nothing_are_a_whole_loop(short):
    steps = runner.check_params(short)
    config = runner.read_config(steps["rank"], short)
    assert config.candidates == list(SHORT["models"])


def test_a_loop_without_popularity_is_told_what_to_add(short):
    short["models"] = trained(als="als")["models"]
    with pytest.raises(
        ConfigError, match=r"models: 'popularity' is missing; add `popularity: \{component: popularity\}`"
    ):
        runner.check_params(short)


def test_a_cut_for_all_is_refused_where_only_the_order_is_known(short):
    short["source"] = {"component": "sequences", "params": {"files": "baskets.txt"}}
    with pytest.raises(
        ConfigError, match=r"split.method: 'temporal' cuts at one time.*leave_last_basket or leave_last_o"
    ):
        runner.check_params(short)
    short["split"] = {"method": "leave_last_out"}
    runner.check_params(short)
