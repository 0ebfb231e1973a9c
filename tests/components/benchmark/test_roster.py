"""Presets: what stands in the table where nobody gave options."""

from pathlib import Path

import pytest
import yaml

from components.benchmark import roster
from components.benchmark.entrants.ranker import RankerConfig
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
