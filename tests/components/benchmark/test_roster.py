"""Presets: what stands in the table where nobody gave options."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from components.benchmark import roster
from components.benchmark.entrants.ranker import RankerConfig
from components.core.errors import ConfigError
from components.core.registry import MODELS
from components.core.space import Choice
from components.ranking.training import RankConfig

PARAMS = yaml.safe_load((Path(__file__).parents[3] / "params.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("timed", [True, False])
def test_all_means_the_joined_ones_too(timed):
    lines, names = roster.chosen("all", None, timed=timed)
    assert {"ranker", "fusion"} <= set(names)
    unable = roster.able(lines, names, repeats=True, validation=False)
    assert not unable, "their members are there and their options are understood"


def test_the_ranker_of_timed_data_is_the_default_loops():
    line = roster.presets(timed=True)["ranker"]
    assert line.component == "ranker"
    ours = RankerConfig.model_validate(line.params)
    assert ours.repeats
    assert ours.model_dump(include=RankConfig.model_fields.keys()) == RankConfig(**PARAMS["rank"]).model_dump()


def test_the_models_of_timed_data_that_the_default_loop_has_too_have_its_options():
    lines = roster.presets(timed=True)
    for name, wanted in PARAMS["models"].items():
        assert (lines[name].component, lines[name].params) == (wanted["component"], wanted.get("params", {})), name


def test_the_validation_fold_cannot_ask_a_ranker_because_nothing_lies_before_it():
    lines, names = roster.chosen("popularity,ranker", None, timed=True)
    assert set(roster.able(lines, names, repeats=True, validation=True)) == {"ranker"}


def test_a_search_names_what_it_leaves_out_and_why():
    lines, names = roster.chosen("als,household,ranker,fusion", None, timed=False)
    searched, left_out = roster.searchable(lines, names, repeats=False)
    assert searched == ["als"] and set(left_out) == {"household", "ranker", "fusion"}
    assert left_out["ranker"] == left_out["fusion"] == roster.JOINED
    with pytest.raises(ConfigError, match="tune: nothing to search: ranker: it joins other models"):
        roster.searchable(lines, ["ranker"], repeats=False)


def preset_values():
    """Every value that a preset gives to an option that is searched: where it stands, the config, the option."""
    for timed in (True, False):
        for name, spec in roster.presets(timed=timed).items():
            space = MODELS.get(spec.component).Config.space if spec.is_model else {}
            for params in (spec.params, *(variant.params for variant in spec.by_data)):
                for option in sorted(space.keys() & params.keys()):  # every worker collects them in one order
                    if params[option] is not None:  # switched off
                        kind = "timed" if timed else "sequences"
                        yield pytest.param(spec.component, option, params[option], id=f"{kind}-{name}-{option}")


@pytest.mark.parametrize(("component", "option", "value"), list(preset_values()))
def test_the_values_of_presets_lie_inside_the_space_that_is_searched(component, option, value):
    config = MODELS.get(component).Config
    space = config.space[option]
    if isinstance(space, Choice):
        assert value in space.values
        return
    assert space.low <= value <= space.high
    for edge, beyond in ((space.low, value - 1e-6), (space.high, value + 1e-6)):
        if value == edge:  # then there is nothing beyond it
            beyond = round(beyond + (-1 if edge == space.low else 1)) if isinstance(space.low, int) else beyond
            with pytest.raises(ValidationError):
                config.model_validate({option: beyond})


def test_lines_that_were_tuned_say_so():
    text = roster.SEQUENCES.read_text(encoding="utf-8")
    said = {line.split(":", 1)[0].strip() for line in text.splitlines() if "# tuned" in line}
    assert said >= {name for name, spec in roster.presets(timed=False).items() if spec.by_data}
    assert said >= {"user_knn", "sasrec"} and not said & {"fm", "deep_fm", "two_tower", "gru4rec"}
