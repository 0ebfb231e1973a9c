"""`shoploop pseudonyms`: another key is noticed, rotated, accepted; the old one still finds who was forgotten."""

import pytest
from click.testing import CliRunner

from components.__main__ import main
from components.core import layout
from components.core.errors import ConfigError
from components.core.privacy import forgotten_people, read_privacy, settle_key, write_privacy
from components.core.pseudonyms import KEY_VARIABLE, PseudonymKey, find_key, retired_keys


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose first run made a key, and in which one person was forgotten."""
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    key = settle_key(tmp_path)
    write_privacy(tmp_path, read_privacy(tmp_path).with_forgotten(key, "ann"))
    return tmp_path


def run(*words):
    return CliRunner().invoke(main, ["pseudonyms", *words])


def test_rotate_makes_a_new_key_and_keeps_the_old_one_for_those_who_were_forgotten(project):
    old = find_key(project / layout.STATE)
    told = run("rotate")
    new = find_key(project / layout.STATE)
    assert told.exit_code == 0 and f"key {old.fingerprint} retired, {new.fingerprint} in use" in told.output
    assert new.fingerprint != old.fingerprint
    assert [key.fingerprint for key in retired_keys(project / layout.STATE)] == [old.fingerprint]
    assert settle_key(project) == new, "the next run takes the new key without a word"
    assert read_privacy(project).forgotten == {old.fingerprint: [old.pseudonym("ann")]}
    assert old.secret not in told.output and new.secret not in told.output
    shown = run("show").output
    assert f"key here: {new.fingerprint}" in shown and "people forgotten: 1" in shown


def test_rotate_leaves_a_key_of_the_environment_to_who_set_it(project, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "k" * 40)
    before = read_privacy(project)
    told = run("rotate")
    assert told.exit_code == 2 and "then `shoploop pseudonyms accept`" in told.output
    assert read_privacy(project) == before and retired_keys(project / layout.STATE) == []


def test_another_key_stops_a_run_until_it_is_accepted(project, monkeypatch):
    old = find_key(project / layout.STATE)
    monkeypatch.setenv(KEY_VARIABLE, "k" * 40)
    with pytest.raises(ConfigError):
        settle_key(project)
    told = run("accept")
    other = PseudonymKey("k" * 40)
    assert told.exit_code == 0 and f"{other.fingerprint} is the project's key" in told.output
    assert settle_key(project) == other
    assert forgotten_people(project) == {old: [old.pseudonym("ann")]}, "who was forgotten stays so"
