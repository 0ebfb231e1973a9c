"""The chain: what is added stays, what is tampered with is found, and one at a time writes."""

import sqlite3
import threading

import pytest

from components.core.errors import ReleaseError
from components.promotion.history import NOTHING_BEFORE, PROMOTED, ROLLED_BACK, Entry, History, reigns, trouble


def entry(version, previous, action=PROMOTED, by="ann"):
    return Entry(0, "2024-01-01T00:00:00Z", action, by, "better", version, previous, version, "d" * 64, "g" * 64)


@pytest.fixture
def history(tmp_path):
    history = History(tmp_path)
    for version, previous in (("1", None), ("2", "1"), ("3", "2")):
        with history.writing() as writer:
            writer.add(entry(version, previous))
    return history


def edit(history, statement):
    """What somebody does who has the file and knows SQL."""
    with sqlite3.connect(history.path) as connection:
        connection.execute("drop trigger no_update")
        connection.execute("drop trigger no_delete")
        connection.execute(statement)
    connection.close()


def test_every_entry_holds_the_hash_of_the_one_before(history):
    entries = history.entries()
    assert [e.previous_hash for e in entries] == [NOTHING_BEFORE, entries[0].hash, entries[1].hash]
    assert trouble(entries, entries[-1].anchor) is None


@pytest.mark.parametrize("statement", ["update history set reason = 'other'", "delete from history"])
def test_entries_cannot_be_changed_or_deleted(history, statement):
    with sqlite3.connect(history.path) as connection, pytest.raises(sqlite3.DatabaseError, match="append-only"):
        connection.execute(statement)
    connection.close()
    assert len(history.entries()) == 3


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("update history set by = 'bob' where seq = 2", "entry 2 was altered"),
        ("delete from history where seq = 2", "entry 2 is missing"),
        ("update history set seq = 9 where seq = 1", "entry 1 is missing"),
    ],
)
def test_tampering_is_found_and_placed(history, statement, words):
    edit(history, statement)
    assert words in trouble(history.entries())


def test_an_entry_forged_with_a_right_hash_of_its_own_does_not_fit_the_next(history):
    second = history.entries()[1]
    forged = entry("2", "1", by="bob")
    forged = Entry(**{**vars(forged), "seq": 2, "previous_hash": second.previous_hash}).sealed()
    edit(history, f"update history set by = 'bob', hash = '{forged.hash}', at = '{forged.at}' where seq = 2")
    assert "entry 3 does not follow" in trouble(history.entries())


def test_a_chain_cut_off_at_its_end_is_found_by_what_the_registry_remembers(history):
    anchor = history.last().anchor
    edit(history, "delete from history where seq = 3")
    assert trouble(history.entries()) is None
    assert "cut off or replaced" in trouble(history.entries(), anchor)


def test_what_fails_in_between_writes_nothing(history):
    with pytest.raises(ReleaseError), history.writing() as writer:  # noqa: PT012 - what comes in between
        writer.add(entry("4", "3"))
        raise ReleaseError("the registry is away")
    assert history.champion() == "3"


def test_one_writes_at_a_time_and_sees_what_the_one_before_wrote(history):
    def add_one():
        with history.writing() as writer:
            champion = writer.last.champion
            writer.add(entry(str(int(champion) + 1), champion))

    threads = [threading.Thread(target=add_one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [e.champion for e in history.entries()] == [str(n) for n in range(1, 12)]
    assert trouble(history.entries()) is None


def test_a_file_that_is_no_history_is_said_in_words(tmp_path):
    history = History(tmp_path)
    history.path.parent.mkdir()
    history.path.write_text("no database " * 100)
    with pytest.raises(ReleaseError, match="cannot be used"):
        history.entries()


def test_reading_makes_no_file(tmp_path):
    assert History(tmp_path).entries() == []
    assert History(tmp_path).champion() is None
    assert not History(tmp_path).path.exists()


def test_a_version_that_reigned_twice_is_left_twice():
    line = [entry("1", None), entry("2", "1"), entry("1", "2"), entry("3", "1")]
    assert reigns(line) == ["1", "2", "1", "3"]
    assert reigns([*line, entry("1", "3", ROLLED_BACK)]) == ["1", "2", "1"]
