"""What the service keeps: messages go in, the release's own words come out. The stores have a contract of their own."""

import resource
import socket
import sqlite3
import time
from contextlib import contextmanager

import pytest

from components.core.errors import StateError
from components.online.store import Exposure
from services import state as s
from services.messages import Event
from services.state import State
from tests import frozen, postgres


def bought(*items):
    return [Event(event_id=f"e-{item}", user_id="u", item_id=item) for item in items]


def test_only_the_newest_events_of_the_types_asked_for_are_looked_at_and_one_without_a_time_takes_the_clock_s(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(s, "NEWEST_EVENTS", 2)
    state = State(tmp_path)
    state.open()
    state.add_events([*bought("z", "a", "m"), Event(event_id="v", user_id="u", item_id="v", event_type="view")], 100)
    assert [(event.item_id, event.time) for event in state.events("u", ["purchase"], 100)] == [("a", 100), ("m", 100)]
    assert [event.item_id for event in state.events("u", ["purchase", "view"], 100)] == ["m", "v"]


def test_a_store_that_does_not_answer_is_told_until_it_does(tmp_path):
    state = State(tmp_path)
    state.open()
    with sqlite3.connect(state.store.path) as connection:
        connection.execute("alter table events rename to elsewhere")
    for ask in (lambda: state.events("u", ["purchase"], 0), lambda: state.add_events(bought("a"), 1)):
        with pytest.raises(StateError):
            ask()
        assert "does not answer (no such table: events)" in state.trouble
    with sqlite3.connect(state.store.path) as connection:
        connection.execute("alter table elsewhere rename to events")
    assert state.events("u", ["purchase"], 0) == ()
    assert state.trouble is not None  # nobody has written since
    assert state.add_events(bought("a"), 1) == 1
    assert state.trouble is None


@contextmanager
def full_disk(path):
    """Files of this process cannot grow beyond what the store's log holds now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name(f"{path.name}-wal").stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_on_a_full_disk_answers_are_not_logged_events_are_refused_and_reading_goes_on(tmp_path, monkeypatch):
    state = State(tmp_path)
    state.open()
    state.add_events(bought("a"), 1)
    shown = [Exposure(f"r{n}", "u", ["a"], [1.0], "d", None, None, 1.0) for n in range(4)]
    assert state.log(shown[0])
    with full_disk(state.store.path):
        assert not state.log(shown[1])
        assert [event.item_id for event in state.events("u", ["purchase"], 0)] == ["a"]
        assert "does not answer" in state.trouble
        with pytest.raises(StateError):
            state.add_events(bought("b"), 1)
    assert not state.log(shown[2])  # it rests
    monkeypatch.setattr(s, "REST_S", 0.0)
    state._log_again_at = 0.0
    assert state.log(shown[3])
    assert state.trouble is None
    assert [len(state.store.answer(f"r{n}")) for n in range(4)] == [1, 0, 0, 1]


@pytest.mark.skipif(not postgres.SERVERS, reason=postgres.MISSING)
def test_a_silent_store_lets_one_wait_and_nobody_else_until_it_answers_again(tmp_path, monkeypatch):
    shown = Exposure("r", "u", ["a"], [1.0], "d", None, None, 1.0)
    with postgres.server() as server, frozen.way(server) as (url, way):
        state = State(tmp_path, url)
        state.open()
        state.add_events(bought("a"), 1)
        way.freeze()
        with pytest.raises(StateError):
            state.events("u", ["purchase"], 0)
        began = time.monotonic()
        for _ in range(20):
            with pytest.raises(StateError, match="does not answer"):
                state.events("u", ["purchase"], 0)
            with pytest.raises(StateError):
                state.add_events(bought("b"), 1)
            assert not state.log(shown)
        assert time.monotonic() - began < 1, "each would wait two seconds"
        assert "does not answer" in state.trouble
        way.thaw()
        monkeypatch.setattr(s, "REST_S", 0.0)
        state._ask_again_at = state._log_again_at = 0.0
        assert [event.item_id for event in state.events("u", ["purchase"], 0)] == ["a"]
        assert state.log(shown)
        assert state.add_events(bought("b"), 1) == 1
        assert state.trouble is None


def test_a_worker_that_starts_while_the_store_is_silent_lets_one_wait_too(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        state = State(tmp_path, f"postgresql://127.0.0.1:{listener.getsockname()[1]}/0")
        with pytest.raises(StateError):
            state.events("u", ["purchase"], 0)
        began = time.monotonic()
        with pytest.raises(StateError):
            state.events("u", ["purchase"], 0)
        assert time.monotonic() - began < 1
