"""Options by the shape of the data: a stated rule, measured on what is fitted on."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from components.benchmark import roster
from components.benchmark.by_data import ByData
from components.benchmark.contest import Contest
from components.benchmark.entrant import Spec
from components.benchmark.shape import Shape, fitted_to
from components.core.dataset import Histories
from components.core.errors import ConfigError

BEAUTY = Shape(users=22_363, items=12_087, events=153_776, median_history=4.0)
TOYS = Shape(users=19_412, items=11_901, events=128_773, median_history=4.0)
GROCER = Shape(users=26_039, items=15_483, events=657_278, median_history=16.0)
LONG = Shape(users=6_040, items=3_416, events=988_129, median_history=94.0)


def test_the_shape_counts_users_with_events_and_takes_the_middle_history():
    histories = Histories.of([[0, 1, 2], [3], [], [0, 1]], [[1, 2, 3], [1], [], [1, 2]], now=9)
    assert Shape.of(histories, 5) == Shape(users=3, items=5, events=6, median_history=2.0)


def test_every_variant_that_holds_is_laid_over_in_order_and_said_in_words():
    spec = Spec(
        "als", "als", {"epochs": 5, "alpha": 1},
        (ByData(at_least={"median_history": 40}, params={"epochs": 9}),
         ByData(at_most={"users": 10_000}, params={"epochs": 7}),
         ByData(at_least={"items": 10_000}, params={"alpha": 3})),
    )  # fmt: skip
    fitted, told = fitted_to({"als": spec}, LONG)
    assert fitted["als"] == Spec("als", "als", {"epochs": 7, "alpha": 1})
    assert told["als"] == [
        "chosen by the data, a median history of 94 events (40 or more): epochs 9",
        "chosen by the data, 6,040 users (10,000 or less): epochs 7",
    ]


def test_a_variant_without_a_rule_or_of_an_unknown_fact_is_refused(tmp_path):
    for rule in ({}, {"at_least": {"colour": 3}}):
        line = {"component": "als", "by_data": [{"params": {"epochs": 3}} | rule]}
        (tmp_path / "p.yaml").write_text(yaml.safe_dump({"models": {"mine": line}}), encoding="utf-8")
        with pytest.raises(ConfigError, match=r"at_least|colour"):
            roster.read_lines(Path(tmp_path / "p.yaml"))


@pytest.mark.parametrize("timed", [True, False])
def test_all_variants_of_the_presets_are_options_that_their_models_take(timed):
    lines = roster.presets(timed=timed)
    assert roster.able(lines, lines, repeats=True) == {}


def test_a_variant_that_an_entrant_does_not_take_is_refused_before_anything_runs():
    lines = roster.presets(timed=False)
    lines["ranker"] = replace(lines["ranker"], by_data=(ByData(at_least={"users": 9}, params={"colour": 3}),))
    with pytest.raises(ConfigError, match="colour"):
        roster.able(lines, ["ranker"], repeats=False)


@pytest.mark.parametrize("shape", [BEAUTY, TOYS])
def test_presets_stay_as_they_were_tuned_on_data_of_that_shape(shape):
    lines = roster.presets(timed=False)
    fitted, _ = fitted_to(lines, shape)
    assert {name: spec.params for name, spec in fitted.items()} == {name: spec.params for name, spec in lines.items()}


def test_histories_of_middle_length_look_further_back_and_long_ones_keep_their_own_options():
    lines = roster.presets(timed=False)
    for shape, window, decay in ((GROCER, 20, 0.85), (LONG, 20, 0.75), (BEAUTY, 10, 0.65)):
        params = fitted_to(lines, shape)[0]["item_transition"].params
        assert (params["window_baskets"], params["history_decay"]) == (window, decay)


def test_the_ranker_of_few_users_leans_on_the_consensus_and_that_of_many_does_not():
    lines = {"ranker": roster.presets(timed=False)["ranker"]}
    told = {shape: fitted_to(lines, shape)[0]["ranker"].params.get("consensus") for shape in (LONG, BEAUTY, TOYS)}
    assert told == {LONG: {}, BEAUTY: None, TOYS: None}


def test_made_up_times_of_a_very_long_sequence_rise_and_end_before_2050():
    import ibis

    from components.core import schema
    from components.data.sources.sequences import MADE_UP, SEQUENCES, Sequences, SequencesConfig

    places = [0, 1, 17_999, 18_000, 18_001, 1_000_000]
    raw = ibis.memtable({schema.USER_ID: "u", schema.ITEM_ID: "i", schema.POSITION: places})
    (part,) = Sequences(SequencesConfig(files="sequences.txt")).parts({SEQUENCES: raw})
    times = part.rows.order_by(schema.POSITION).to_pandas()[MADE_UP].tolist()
    assert times == sorted(set(times)) and times[1] - times[0] == 86_400
    assert times[-1] < 2_524_608_000, "2050-01-01"


def test_who_fits_its_members_on_two_folds_has_twice_as_long():
    contest = Contest(roster.presets(timed=False), None, ("new",), 10, Path(), minutes=30)
    assert [contest.limit(name) for name in ("sasrec", "fusion", "ranker")] == [30, 30, 60]
