"""Presets: what stands in the table where nobody gave options."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from components.benchmark import roster
from components.benchmark.entrants.ranker import RankerConfig
from components.benchmark.tuning import Search, TuneConfig, with_option
from components.core.config import parse
from components.core.errors import ConfigError
from components.core.registry import ENTRANTS, MODELS
from components.core.space import Choice
from components.ranking.training import RankConfig, TwoStageConfig

PARAMS = yaml.safe_load((Path(__file__).parents[3] / "params.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("timed", [True, False])
def test_all_means_the_joined_ones_too(timed):
    lines, names = roster.chosen("all", None, timed=timed)
    assert {"ranker", "fusion"} <= set(names)
    unable = roster.able(lines, names, repeats=True)
    assert not unable, "their members are there and their options are understood"


def test_the_ranker_of_timed_data_is_the_default_loops():
    line = roster.presets(timed=True)["ranker"]
    assert line.component == "ranker"
    ours = RankerConfig.model_validate(line.params)
    assert ours.repeats
    shared = TwoStageConfig.model_fields.keys()
    assert ours.model_dump(include=shared) == RankConfig(**PARAMS["rank"]).model_dump(include=shared)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ({"engine": {"component": "spark"}}, "unknown parameter 'engine'"),
        ({"retrieval": {"exact_up_to": 1000}}, "unknown parameter 'retrieval'"),
        ({"buy_again": {"model": "household", "weight": 0.5}}, "lists without repeats hold none of it"),
    ],
)
def test_a_ranker_of_a_benchmark_refuses_what_it_would_not_heed(option, words):
    with pytest.raises(ConfigError, match=words):
        parse(RankerConfig, {"candidates": ["popularity"]} | option, "models.ranker.params")


def test_the_models_of_timed_data_that_the_default_loop_has_too_have_its_options():
    lines = roster.presets(timed=True)
    for name, wanted in PARAMS["models"].items():
        assert (lines[name].component, lines[name].params) == (wanted["component"], wanted.get("params", {})), name


def test_a_search_names_what_it_leaves_out_and_comes_to_what_joins_others_last():
    lines, names = roster.chosen("ranker,als,household,fusion,ease", None, timed=False)
    searched, left_out = roster.searchable(lines, names, repeats=False)
    assert searched == ["als", "ease", "ranker", "fusion"] and set(left_out) == {"household"}
    with pytest.raises(ConfigError, match="tune: nothing to search: household: it only knows"):
        roster.searchable(lines, ["household"], repeats=False)


def preset_values():
    """Every value that a preset gives to an option that is searched: where it stands, the line, the option."""
    for timed in (True, False):
        for name, spec in roster.presets(timed=timed).items():
            for params in (spec.params, *(variant.params for variant in spec.by_data)):
                given = flat(params)
                for option in sorted(space_of(spec).keys() & given.keys()):  # every worker collects them in one order
                    if given[option] is not None:  # switched off
                        kind = "timed" if timed else "sequences"
                        yield pytest.param(spec, option, given[option], id=f"{kind}-{name}-{option}")


def flat(params):
    """Options within options by names as a search has them."""
    nested = {name: value for name, value in params.items() if isinstance(value, dict)}
    return params | {f"{name}.{key}": value for name, inner in nested.items() for key, value in inner.items()}


def space_of(spec):
    """What a search may try of a line, days included."""
    return Search(TuneConfig(), {}, None, "new", 10, Path(), True, print).space(spec)


@pytest.mark.parametrize(("spec", "option", "value"), list(preset_values()))
def test_the_values_of_presets_lie_inside_the_space_that_is_searched(spec, option, value):
    config = (MODELS if spec.is_model else ENTRANTS).get(spec.component).Config
    space = space_of(spec)[option]
    if isinstance(space, Choice):
        assert value in space.values
        return
    assert space.low <= value <= space.high
    for edge, beyond in ((space.low, value - 1e-6), (space.high, value + 1e-6)):
        if value == edge:  # then there is nothing beyond it
            beyond = round(beyond + (-1 if edge == space.low else 1)) if isinstance(space.low, int) else beyond
            with pytest.raises(ValidationError):
                config.model_validate(with_option({}, option, beyond))


def test_lines_that_were_tuned_say_so():
    text = roster.SEQUENCES.read_text(encoding="utf-8")
    said = {line.split(":", 1)[0].strip() for line in text.splitlines() if "# tuned" in line}
    assert said >= {name for name, spec in roster.presets(timed=False).items() if spec.by_data}
    assert said >= {"user_knn", "sasrec"} and not said & {"fm", "deep_fm", "two_tower", "gru4rec"}


def test_where_times_are_only_an_order_a_line_of_ones_own_counts_no_days_and_chooses_by_last_baskets(tmp_path):
    (tmp_path / "own.yaml").write_text(
        "models: {mine: {component: sasrec}, given: {component: als, params: {half_life_days: 30}}}", encoding="utf-8"
    )
    lines, _ = roster.chosen("mine,given", tmp_path / "own.yaml", timed=False)
    config = lines["mine"].model().config
    assert (config.validation, config.trend_days) == ("last_baskets", None)
    assert lines["given"].params == {"half_life_days": 30}, "what a line says stands"
    assert lines["gru4rec"].model().config.validation == "last_baskets"
    lines, _ = roster.chosen("mine", tmp_path / "own.yaml", timed=True)
    assert lines["mine"].params == {}
