"""privacy.json: a lost or changed key stops with words; who was forgotten is known under the key of that time."""

import json

import pytest

from components.core import layout
from components.core.errors import ConfigError
from components.core.privacy import Privacy, forgotten_people, read_privacy, settle_key, write_privacy
from components.core.pseudonyms import KEY_VARIABLE, PseudonymKey, retire_key


@pytest.fixture(autouse=True)
def _no_key_in_the_environment(monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


def test_the_first_use_makes_a_key_and_notes_its_fingerprint(tmp_path):
    key = settle_key(tmp_path)
    assert read_privacy(tmp_path) == Privacy(key.fingerprint)
    assert settle_key(tmp_path) == key


def test_a_lost_key_stops_and_is_not_replaced_by_a_new_one(tmp_path):
    settle_key(tmp_path)
    (tmp_path / layout.PSEUDONYM_KEY).unlink()
    with pytest.raises(ConfigError, match=r"there is no key here: everybody would get a second pseudonym\. Restore"):
        settle_key(tmp_path)
    assert not (tmp_path / layout.PSEUDONYM_KEY).exists()


def test_another_key_stops_and_both_fingerprints_are_named(tmp_path, monkeypatch):
    key = settle_key(tmp_path)
    monkeypatch.setenv(KEY_VARIABLE, "x" * 32)
    other = PseudonymKey("x" * 32).fingerprint
    with pytest.raises(ConfigError, match=f"made with the key {key.fingerprint}, but the key that is here is {other}"):
        settle_key(tmp_path)


def test_the_forgotten_stay_known_under_a_key_that_was_retired(tmp_path):
    key = settle_key(tmp_path)
    write_privacy(tmp_path, read_privacy(tmp_path).with_forgotten(key, "17").with_forgotten(key, "17"))
    retire_key(tmp_path / layout.STATE)
    assert forgotten_people(tmp_path) == {key: [key.pseudonym("17")]}


def test_the_forgotten_of_a_key_that_is_gone_stop_the_run(tmp_path):
    write_privacy(tmp_path, Privacy().with_forgotten(PseudonymKey("x" * 32), "17"))
    with pytest.raises(ConfigError, match="1 people were forgotten under the key"):
        forgotten_people(tmp_path)


@pytest.mark.parametrize("content", [[], {"forgotten": ["17"]}, {"key_fingerprint": 7}, {"else": 1}])
def test_a_record_of_another_kind_is_refused(tmp_path, content):
    (tmp_path / layout.PRIVACY).write_text(json.dumps(content))
    with pytest.raises(ConfigError, match="not a record of this version"):
        read_privacy(tmp_path)
