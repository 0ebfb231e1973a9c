"""Forgetting one person in the online store, while the service has it open."""

import sqlite3
from contextlib import closing

import pytest

from components.core import layout
from components.core.errors import ConfigError, DataError
from components.online.sqlite_store import SqliteStore
from components.online.store import Exposure
from services.messages import Event
from services.state import State


def told(state, user):
    events = [Event(event_id=f"{user}-{n}", user_id=user, item_id="i1") for n in range(3)]
    state.add_events(events, 100)
    assert state.log(Exposure(f"r-{user}", user, ["i1", "i2"], [1.0, 0.5], "d", None, None, 100.0))


def test_the_person_s_rows_and_bytes_go_and_the_others_stay(tmp_path):
    state = State(tmp_path)
    state.open()
    told(state, "ann@example.org")
    told(state, "bob@example.org")
    store = SqliteStore(tmp_path / layout.SERVICE_DATABASE)
    assert store.rows_of_user(["ann@example.org"]) == {"events": 3, "exposures": 2}
    store.forget_user(["ann@example.org", "not there"])
    assert store.rows_of_user(["ann@example.org"]) == {"events": 0, "exposures": 0}
    assert store.rows_of_user(["bob@example.org"]) == {"events": 3, "exposures": 2}
    assert not any(b"ann@example.org" in file.read_bytes() for file in tmp_path.iterdir())
    told(state, "carol")  # the service goes on with the connection it had


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "service.db"
    with sqlite3.connect(path) as con:
        con.execute("create table t (x)")
    with pytest.raises(DataError, match="format 0, this one knows 1"):
        SqliteStore(path).forget_user(["ann"])


def test_opening_again_keeps_what_was_told(tmp_path):
    for _ in range(2):
        state = State(tmp_path)
        state.open()
        state.add_events([Event(event_id=f"{n}", user_id="ann", item_id="i1") for n in range(3)], 100)
    assert state.store.rows_of_user(["ann"])["events"] == 3


def test_a_file_of_another_format_is_named_with_a_remedy(tmp_path):
    with closing(sqlite3.connect(tmp_path / layout.SERVICE_DATABASE)) as connection:
        connection.execute("create table events (event_id text)")
    with pytest.raises(ConfigError, match=r"another version .* move the file away"):
        State(tmp_path).open()
