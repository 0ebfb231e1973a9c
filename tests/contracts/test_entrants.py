"""The one contract of what joins models; a new file in benchmark/entrants/ names its options for it here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from components.benchmark.entrant import Lister, Spec, TopK
from components.benchmark.fits import Fits
from components.benchmark.material import recognise
from components.benchmark.protocols import Question, earlier, prepare, question, splitter
from components.benchmark.tuning import with_option
from components.core.config import parse
from components.core.dataset import Histories
from components.core.errors import ConfigError
from components.core.ranking import ALL, NEW
from components.core.registry import ENTRANTS
from components.core.rng import stream
from components.core.space import Choice
from tests.components.benchmark.test_benchmark import ITEMS, walk
from tests.components.benchmark.test_joined import MEMBERS, SMALL

K = 10
VIEWS = (ALL, NEW)
PARAMS = {
    "fusion": {"weights": {"item_transition": 3.0, "popularity": 1.0}},
    "ranker": {"candidates": MEMBERS, "lambdamart": SMALL | {"patience": None}},
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folds of a shop whose users walk along the catalogue."""
    root = tmp_path_factory.mktemp("entrants")
    material = recognise(walk(root / "shop"))
    return prepare(material, splitter("leave-last-out", material, {}, learns_earlier=True), root / "work")


@pytest.fixture(scope="module")
def asked(prepared: Path) -> Question:
    return question(prepared, "test")


@pytest.fixture(scope="module")
def learnt(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Lister]:
    """Fit an entrant; the members' fits are kept for the next."""
    folder = tmp_path_factory.mktemp("fits")

    def fit(name: str, asked: Question, seed: int = 7) -> Lister:
        cls = ENTRANTS.get(name)
        fits = Fits(folder, {member: Spec(member, member, {}) for member in MEMBERS}, seed)
        before = question(prepared, earlier("test")) if cls.needs_earlier else None
        return cls(parse(cls.Config, PARAMS[name], name), fits).fit(before, asked, stream(seed, "contract", name))

    return fit


@pytest.fixture(scope="module")
def fitted(learnt: Callable[..., Lister], asked: Question) -> Callable[[str], Lister]:
    """One fit per entrant, shared by the claims that only ask it."""
    return cache(lambda name: learnt(name, asked))


def equal(one: dict[str, TopK], other: dict[str, TopK]) -> bool:
    return all(
        np.array_equal(one[view].items, other[view].items) and np.allclose(one[view].scores, other[view].scores)
        for view in VIEWS
    )


for_every_entrant = pytest.mark.parametrize("name", ENTRANTS.names())


@for_every_entrant
def test_default_config_round_trips_and_refuses_unknown_keys(name):
    config = ENTRANTS.get(name).Config
    assert parse(config, config().model_dump(mode="json"), "here") == config()
    with pytest.raises(ConfigError, match="here: unknown parameter 'no_such_option'"):
        parse(config, {"no_such_option": 1}, "here")


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf")])
def test_a_weight_that_is_none_is_refused_by_name(weight):
    with pytest.raises(ConfigError, match=r"weights\.als"):
        parse(ENTRANTS.get("fusion").Config, {"weights": {"als": weight}}, "models.fusion.params")


@for_every_entrant
def test_it_names_its_members_and_refuses_a_run_that_lacks_one(name):
    cls = ENTRANTS.get(name)
    config = parse(cls.Config, PARAMS[name], name)
    assert sorted(cls.members(config, [*MEMBERS, "als"])) == sorted(MEMBERS)
    with pytest.raises(ConfigError, match=rf"{name}: .*item_transition.* in this run"):
        cls.members(config, ["popularity", "als"])


@for_every_entrant
def test_every_value_that_a_search_may_try_is_accepted(name):
    cls = ENTRANTS.get(name)
    space = cls.space(parse(cls.Config, PARAMS[name], name))
    assert space
    for option, parameter in space.items():
        for value in parameter.values if isinstance(parameter, Choice) else (parameter.low, parameter.high):
            found = parse(cls.Config, with_option(PARAMS[name], option, value), name).model_dump()
            for part in option.split("."):
                found = found[part]
            assert found == value, option


@for_every_entrant
def test_lists_hold_items_of_the_catalogue_once_best_first_and_nothing_had_where_new_ones_are_asked(
    name, fitted, asked
):
    histories = asked.task.histories
    found = fitted(name)(histories, VIEWS, K)
    assert set(found) == set(VIEWS)
    for view, lists in found.items():
        assert lists.items.shape == lists.scores.shape == (len(histories), K)
        assert lists.items.dtype == np.int32 and lists.scores.dtype == np.float32 and np.isfinite(lists.scores).all()
        for row, (items, scores) in enumerate(zip(lists.items, lists.scores, strict=True)):
            real = items[items >= 0]
            assert len(set(real)) == len(real) and real.max(initial=-1) < ITEMS
            assert (items[len(real) :] == -1).all() and (scores[len(real) :] == 0).all()
            assert (np.diff(scores[: len(real)]) <= 0).all()
            assert view == ALL or not set(real) & set(histories.of_user(row)[0])


@for_every_entrant
def test_the_next_step_that_one_member_knows_is_in_everybodys_list(name, fitted, asked):
    lists = fitted(name)(asked.task.histories, (NEW,), K)[NEW].items
    held_out = asked.task.relevant[NEW].argmax(axis=1).A1
    places = (lists == held_out[:, None]).argmax(axis=1)
    assert (lists == held_out[:, None]).any(axis=1).all() and (places == 0).mean() > 0.8


@for_every_entrant
def test_users_asked_together_and_one_by_one_have_the_same_lists(name, fitted, asked):
    histories, ask = asked.task.histories, fitted(name)
    singly = [ask(one, VIEWS, K) for one in histories.blocks(1)]
    together = {
        view: TopK(*(np.vstack([getattr(s[view], part) for s in singly]) for part in ("items", "scores")))
        for view in VIEWS
    }
    assert equal(ask(histories, VIEWS, K), together)


@for_every_entrant
def test_the_same_seed_gives_the_same_lists(name, learnt, fitted, asked):
    again = learnt(name, asked)(asked.task.histories, VIEWS, K)
    assert equal(again, fitted(name)(asked.task.histories, VIEWS, K))


@for_every_entrant
def test_what_is_to_be_foretold_has_no_say(name, learnt, fitted, asked):
    draw = np.random.default_rng(3).permutation(ITEMS)
    other = replace(asked.task, relevant={view: asked.task.relevant[view][:, draw] for view in asked.task.relevant})
    swapped = learnt(name, replace(asked, task=other))(asked.task.histories, VIEWS, K)
    assert equal(swapped, fitted(name)(asked.task.histories, VIEWS, K))


@for_every_entrant
def test_somebody_without_a_history_gets_a_list_too(name, fitted, asked):
    nobody = Histories.of([[]], [[]], asked.data.now)
    found = fitted(name)(nobody, VIEWS, K)
    assert (found[ALL].items[0] >= 0).all() and np.array_equal(found[ALL].items, found[NEW].items)
    assert found[ALL].items[0, 0] in fitted(name)(nobody, (ALL,), 1)[ALL].items
