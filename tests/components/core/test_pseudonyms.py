"""Pseudonyms: the column and the single id agree on every engine; the key is made once and never by two at a time."""

import hashlib
import stat
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import layout, schema
from components.core.errors import ConfigError
from components.core.pseudonyms import (
    KEY_VARIABLE,
    LONGEST_ID,
    PseudonymKey,
    find_key,
    make_key,
    pseudonymised,
    retire_key,
    retired_keys,
    without_forgotten,
)
from components.data.engine import EngineConfig, connect

KEY = PseudonymKey("k" * 32)
IDS = [
    "17", "017", " 17", "17 ", "王小明", "用户-一", "🛒🛍️", "e\u0301", "\u00e9", "O'Hara; drop table users --", "=1+1",
    "", " ", "a\nb", "x" * LONGEST_ID, "x" * (LONGEST_ID + 1), None,
]  # fmt: skip


def written(path, ids):
    pq.write_table(pa.table({schema.USER_ID: pa.array(ids, pa.string()), "n": range(len(ids))}), path)
    return path


def column(con, tmp_path):
    people = con.read_parquet(str(written(tmp_path / "people.parquet", IDS)))
    rows = pseudonymised({"people": people}, KEY)["people"].order_by("n").to_pyarrow()
    assert rows.column_names == [schema.USER_ID, "n"]
    return rows[schema.USER_ID].to_pylist()


def expected():
    return [None if one is None else KEY.pseudonym(one) for one in IDS]


def test_the_column_in_duckdb_agrees_with_the_single_id(tmp_path):
    assert column(connect(0.5, 1), tmp_path) == expected()


@pytest.mark.slow
def test_the_column_in_spark_agrees_with_the_single_id(tmp_path):
    con = EngineConfig(component="spark", master="local[1]", memory_limit_gb=1).open()
    try:
        assert column(con, tmp_path) == expected()
    finally:
        con.disconnect()


def test_a_pseudonym_is_the_nested_keyed_hash_that_the_docstring_says():
    def sha256(text):
        return hashlib.sha256(text.encode()).hexdigest()

    inner, outer = sha256("shoploop inner " + "k" * 32), sha256("shoploop outer " + "k" * 32)
    assert KEY.pseudonym("王小明") == sha256(outer + sha256(inner + "王小明"))[:32]


def test_ids_that_differ_in_a_space_or_a_zero_have_pseudonyms_of_their_own():
    made = [KEY.pseudonym(one) for one in ("17", "017", " 17", "17 ")]
    assert len(set(made)) == 4


def test_another_key_gives_other_pseudonyms_and_another_fingerprint():
    other = PseudonymKey("l" * 32)
    assert other.pseudonym("17") != KEY.pseudonym("17")
    assert other.fingerprint != KEY.fingerprint


def test_a_key_is_never_printed():
    assert "kkkk" not in repr(KEY)


def test_tables_without_users_stay_as_they_are():
    import ibis

    items = ibis.table({schema.ITEM_ID: "string"}, name="items")
    assert pseudonymised({"items": items}, KEY)["items"] is items


def test_rows_of_the_forgotten_are_left_out_and_guests_stay(tmp_path):
    table = connect(0.5, 1).read_parquet(written(tmp_path / "t.parquet", ["17", "18", None]))
    kept = without_forgotten({"t": table}, {KEY: [KEY.pseudonym("17")]})["t"]
    assert sorted(kept.to_pyarrow()["n"].to_pylist()) == [1, 2]


def test_a_made_key_is_found_again_and_only_its_owner_may_read_it(tmp_path):
    assert find_key(tmp_path, environment={}) is None
    made = make_key(tmp_path)
    assert find_key(tmp_path, environment={}) == made
    assert make_key(tmp_path) == made
    assert stat.S_IMODE((tmp_path / layout.PSEUDONYM_KEY.name).stat().st_mode) == 0o600
    assert len(list(tmp_path.iterdir())) == 1


def test_processes_that_start_together_get_one_key(tmp_path):
    made = []
    threads = [threading.Thread(target=lambda: made.append(make_key(tmp_path))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 16
    assert len(set(made)) == 1


def test_the_environment_comes_first(tmp_path):
    make_key(tmp_path)
    assert find_key(tmp_path, environment={KEY_VARIABLE: "k" * 32}) == KEY


@pytest.mark.parametrize("secret", ["short", "x" * 1025])
def test_a_key_that_can_be_guessed_or_is_a_whole_file_is_refused(secret):
    with pytest.raises(ConfigError, match="a key has 32 to 1024 characters"):
        find_key(environment={KEY_VARIABLE: secret})


def test_an_emptied_key_file_is_refused_and_not_replaced(tmp_path):
    (tmp_path / layout.PSEUDONYM_KEY.name).write_text("")
    with pytest.raises(ConfigError, match="found 0"):
        make_key(tmp_path)


def test_a_retired_key_makes_room_and_is_kept(tmp_path):
    first = make_key(tmp_path)
    retire_key(tmp_path)
    assert make_key(tmp_path) != first
    assert retired_keys(tmp_path) == [first]
