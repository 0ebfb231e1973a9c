"""The service's database: what was told in one second keeps its order, and a file of another format is refused."""

import sqlite3
from contextlib import closing

import pytest

from components.core import layout
from components.core.errors import ConfigError
from services import state as s
from services.messages import Event
from services.state import State


@pytest.fixture
def state(tmp_path):
    state = State(tmp_path)
    state.open()
    return state


def bought(*items):
    return [Event(event_id=f"e-{item}", user_id="u", item_id=item) for item in items]


def test_purchases_without_a_time_come_back_in_the_order_told(state):
    state.add_events(bought("z", "a", "m"), default_time=100)
    state.add_events(bought("b"), default_time=100)
    assert [event.item_id for event in state.purchases("u", 100)] == ["z", "a", "m", "b"]


def test_the_newest_are_kept_when_there_are_too_many(state, monkeypatch):
    monkeypatch.setattr(s, "NEWEST_EVENTS", 2)
    state.add_events(bought("z", "a", "m"), default_time=100)
    assert [event.item_id for event in state.purchases("u", 100)] == ["a", "m"]


def test_an_event_id_counts_once(state):
    assert state.add_events(bought("z", "a", "z"), default_time=100) == 2
    assert state.add_events(bought("z"), default_time=200) == 0


def test_opening_again_keeps_what_was_told(state, tmp_path):
    state.add_events(bought("z"), default_time=100)
    again = State(tmp_path)
    again.open()
    assert [event.item_id for event in again.purchases("u", 0)] == ["z"]


def test_a_file_of_another_format_is_named_with_a_remedy(tmp_path):
    with closing(sqlite3.connect(tmp_path / layout.SERVICE_DATABASE)) as connection:
        connection.execute("create table events (event_id text)")
    with pytest.raises(ConfigError, match=r"another version .* move the file away"):
        State(tmp_path).open()
