"""What one request may ask of its list, and what it is told about it."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from components.experiments.design import Experiment
from components.release.assemble import assemble
from services.desk import Desk
from services.messages import RecommendRequest
from services.refusals import understood
from services.refused import RefusedError
from services.release_cache import serving
from services.settings import Settings
from services.state import State

EXPERIMENT = {"name": "recency", "shares": {"control": 0.5, "treatment": 0.5}, "treatment_model": "household_recency"}


@pytest.fixture(scope="module")
def now(trained_shop, tmp_path_factory):
    root = shutil.copytree(trained_shop, tmp_path_factory.mktemp("wishes") / "shop")
    return serving(assemble(root, "shop", {}), None)


@pytest.fixture
def desk(now, tmp_path):
    settings = Settings(state=tmp_path, experiment=Experiment.model_validate(EXPERIMENT))
    desk = Desk(settings, State(settings.state))
    desk.check(now.release)
    return desk


def refused(path, body):
    """In which words."""
    with pytest.raises(RefusedError) as told:
        understood(path, body.encode())
    assert told.value.status == 400
    return told.value.words


def asked(desk, now, **wishes):
    return desk.recommend(RecommendRequest(**{"user_id": "u00", "k": 5} | wishes), now)


def of_variant(desk, variant):
    return next(user for user in (f"u{n:02}" for n in range(48)) if desk._variant(user) == variant)


def test_an_explained_item_names_own_purchases_with_titles_and_what_raised_its_score(desk, now):
    history = [f"i{n:02}" for n in (3, 6, 9)]
    items = asked(desk, now, user_id=None, history=history, explain=True).items
    because = [own for item in items for own in item.reasons.because]
    assert because
    assert {own.item_id for own in because} <= set(history)
    assert all(own.title == f"cheese {int(own.item_id[1:])}" for own in because)
    assert all(own.item_id != item.item_id for item in items for own in item.reasons.because)
    added = [c for item in items for c in item.reasons.features]
    assert added
    assert all(c.added > 0 and c.words != c.feature and "." not in c.words for c in added)


def test_without_explain_there_are_no_reasons_and_the_list_is_the_same(desk, now):
    user = of_variant(desk, "control")
    plain, told = asked(desk, now, user_id=user), asked(desk, now, user_id=user, explain=True)
    assert all(item.reasons is None for item in plain.items)
    assert [(i.item_id, i.score, i.probability) for i in plain.items] == [
        (i.item_id, i.score, i.probability) for i in told.items
    ]
    assert all(0 <= item.probability <= 1 for item in plain.items)


def test_another_variant_s_list_is_not_explained_by_the_ranker(desk, now):
    answer = asked(desk, now, user_id=of_variant(desk, "treatment"), explain=True, diversity=0.4)
    assert answer.variant == "treatment"
    assert all(item.probability is None for item in answer.items)
    assert not any(item.reasons.because or item.reasons.features for item in answer.items)


def test_a_stranger_is_told_no_reasons(desk, now):
    answer = asked(desk, now, user_id="stranger", explain=True)
    assert answer.fallback == "popular"
    assert not any(item.reasons.because or item.reasons.features for item in answer.items)


@pytest.mark.parametrize("variant", ["control", "treatment"])
def test_what_is_logged_is_the_list_as_it_was_shown(desk, now, variant, tmp_path):
    answer = asked(desk, now, user_id=of_variant(desk, variant), novelty=0.8, explain=True)
    with closing(sqlite3.connect(desk.state.store.path)) as db:
        rows = db.execute(
            "select item_id, score, variant from exposures where request_id = ? order by position", (answer.request_id,)
        ).fetchall()
    assert rows == [(item.item_id, item.score, variant) for item in answer.items]
    assert [item.item_id for item in answer.items] != [
        item.item_id for item in asked(desk, now, user_id=of_variant(desk, variant)).items
    ]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"user_id": "u", "diversity": 1.5}', "diversity: should be at most 1.0, found 1.5"),
        ('{"user_id": "u", "novelty": -0.1}', "novelty: should be at least 0.0, found -0.1"),
        ('{"user_id": "u", "diversity": NaN}', "diversity"),
        ('{"user_id": "u", "diversity": "0.5"}', "diversity"),
        ('{"user_id": "u", "diversity": 0.6, "novelty": 0.6}', "diversity and novelty together are above 1"),
        ('{"user_id": "u", "explain": "yes"}', "explain: should be true or false, found 'yes'"),
        ('{"user_id": "u", "k": true}', "k: should be a whole number, found true"),
        ('{"user_id": "u", "k": 2.5}', "k: should be a whole number, found 2.5"),
        ('{"user_id": "u", "serendipity": 0.5}', "serendipity: unknown field"),
    ],
)
def test_wishes_out_of_bounds_are_refused_in_words(body, words):
    assert words in refused("/recommend", body)


@pytest.mark.parametrize("field", ["attributes", None])
def test_of_thousands_of_wrong_fields_the_number_is_told_and_none_is_looked_at(field):
    fields = {f"a{number}": 1 for number in range(5_000)}
    body = json.dumps({field: fields} if field else fields)
    told = refused("/recommend", body)
    assert told.startswith("body: 500") and "of its fields are wrong" in told


def test_of_a_time_it_is_said_what_it_is_counted_in():
    event = {"event_id": "e", "user_id": "u", "item_id": "i", "timestamp": "2024-03-01T12:00:00Z"}
    told = refused("/events", json.dumps({"events": [event]}))
    assert told.startswith("events.0.timestamp: should be a whole number of unix seconds, UTC, found '2024-03-01T12")


def test_of_many_events_that_are_wrong_the_first_is_told():
    good = {"event_id": "e", "user_id": "u", "item_id": "i"}
    told = refused("/events", json.dumps({"events": [good, *[{"event_id": ""}] * 50]}))
    assert told.startswith("events.1.event_id: should not be empty")
    assert "events.2" not in told
    assert refused("/events", json.dumps({"events": [good] * 101})) == "events: should have at most 100 entries"
