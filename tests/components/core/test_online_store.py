"""Forgetting one person in the online store, while the service has it open."""

import sqlite3

import pytest

from components.core import layout
from components.core.errors import DataError
from components.core.online_store import forget_user, rows_of_user
from services.messages import Event
from services.state import Exposure, State


def told(state, user):
    events = [Event(event_id=f"{user}-{n}", user_id=user, item_id="i1") for n in range(3)]
    state.add_events(events, 100)
    state.add_exposure(Exposure(f"r-{user}", user, ["i1", "i2"], [1.0, 0.5], "d", None, None, 100.0))


def test_the_person_s_rows_and_bytes_go_and_the_others_stay(tmp_path):
    state = State(tmp_path)
    state.open()
    told(state, "ann@example.org")
    told(state, "bob@example.org")
    path = tmp_path / layout.SERVICE_DATABASE
    assert rows_of_user(path, ["ann@example.org"]) == {"events": 3, "exposures": 2}
    forget_user(path, ["ann@example.org", "not there"])
    assert rows_of_user(path, ["ann@example.org"]) == {"events": 0, "exposures": 0}
    assert rows_of_user(path, ["bob@example.org"]) == {"events": 3, "exposures": 2}
    assert not any(b"ann@example.org" in file.read_bytes() for file in tmp_path.iterdir())
    told(state, "carol")  # the service goes on with the connection it had


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "service.db"
    with sqlite3.connect(path) as con:
        con.execute("create table t (x)")
    with pytest.raises(DataError, match="format 0, this one knows 1"):
        forget_user(path, ["ann"])
