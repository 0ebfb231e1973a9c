"""API keys: shown once, kept as hashes, revoked for good."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner

from components.commands.keys import keys
from components.core.api_keys import KEYS_FILE, add_key, key_id, read_keys, revoke_key
from components.core.errors import ConfigError

NOW = "2026-01-01T00:00:00Z"


def test_a_key_opens_its_own_record_only_and_is_nowhere_in_the_file(tmp_path):
    path = tmp_path / KEYS_FILE
    web, key = add_key(path, "web shop", ("recommend", "events"), NOW)
    other, _ = add_key(path, "cron", ("admin",), NOW)
    assert web.opens(key)
    assert not other.opens(key)
    assert not web.opens(key[:-1] + ("0" if key[-1] != "0" else "1"))
    assert key_id(key) == web.id
    assert key.rpartition("_")[2] not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "shoploop_", "Bearer x", "shoploop_" + "a" * 12, "shoploop_../../x_" + "0" * 64])
def test_what_has_not_the_form_of_a_key_has_no_id(text):
    assert key_id(text) is None


def test_a_revoked_key_stays_in_the_list_with_its_time(tmp_path):
    path = tmp_path / KEYS_FILE
    record, _ = add_key(path, "web", ("recommend",), NOW)
    revoke_key(path, record.id, "2026-02-01T00:00:00Z")
    revoke_key(path, record.id, "2026-03-01T00:00:00Z")
    assert read_keys(path)[0].revoked == "2026-02-01T00:00:00Z"
    with pytest.raises(ConfigError, match="there is none"):
        revoke_key(path, "f" * 12, NOW)


def test_of_many_who_add_and_revoke_at_once_nobody_s_change_is_lost(tmp_path):
    path = tmp_path / KEYS_FILE
    old = [add_key(path, f"old {n}", ("recommend",), NOW)[0].id for n in range(60)]
    with ThreadPoolExecutor(12) as threads:
        changes = [change for n, key in enumerate(old) for change in (
            threads.submit(revoke_key, path, key, NOW), threads.submit(add_key, path, f"new {n}", ("events",), NOW)
        )]  # fmt: skip
        added = {change.result()[0].id for change in changes[1::2]}
        assert {change.result().id for change in changes[::2]} == set(old)
    keys = {key.id: key.revoked for key in read_keys(path)}
    assert {key for key, revoked in keys.items() if revoked} == set(old)
    assert {key for key, revoked in keys.items() if not revoked} == added


@pytest.mark.parametrize(
    ("values", "words"),
    [({"name": ""}, "'name'"), ({"name": "a\nb"}, "'name'"), ({"rate": 0}, "'rate'"), ({"burst": 0}, "'burst'")],
)
def test_out_of_range_is_refused_and_nothing_is_written(tmp_path, values, words):
    with pytest.raises(ConfigError, match=words):
        add_key(tmp_path / KEYS_FILE, **({"name": "web", "scopes": ("recommend",), "now": NOW} | values))
    assert not (tmp_path / KEYS_FILE).exists()


@pytest.mark.parametrize("content", ["{", "[]", "[1]", '{"format": 2}', '{"keys": [{"id": "x"}]}', "\x00"])
def test_a_spoilt_file_is_named(tmp_path, content):
    (tmp_path / KEYS_FILE).write_text(content)
    with pytest.raises(ConfigError, match=r"keys\.json"):
        read_keys(tmp_path / KEYS_FILE)


def test_the_command_prints_a_key_once_and_never_again(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOPLOOP_STATE", str(tmp_path))
    run = CliRunner()
    key = run.invoke(keys, ["add", "web shop", "--scope", "recommend"]).stdout.strip()
    assert key_id(key) is not None
    listed = run.invoke(keys, ["list"]).output
    assert "web shop" in listed
    assert key_id(key) in listed, "revoke wants the whole id, also where the window is narrow"
    assert key not in listed
    assert "is revoked" in run.invoke(keys, ["revoke", key_id(key)]).output
