"""The store of parts believes nothing that was altered; row rules add up over parts."""

import pytest

from components.quality.part_store import PartStore, key_of
from components.quality.row_rules import divided, is_row_rule, summed
from components.quality.suites import Suite


def rule(kind="expect_column_values_to_not_be_null", column="user_id", **kwargs):
    meta = {"rule": "r", "outcome": "warn", "words": "w", "why": "y"}
    return {"type": kind, "kwargs": {"column": column, **kwargs}, "meta": meta}


def test_a_part_is_found_under_its_key_until_a_byte_of_it_changes(tmp_path):
    store = PartStore(tmp_path / "parts")
    assert store.find("judged", "k") is None
    path = store.make("judged", "k", lambda fresh: (fresh / "rows").write_bytes(b"abc"))
    assert store.find("judged", "k") == path
    (path / "rows").write_bytes(b"abd")
    assert store.find("judged", "k") is None


def test_a_part_whose_making_fails_is_not_there(tmp_path):
    def fail(fresh):
        (fresh / "half").write_bytes(b"1")
        raise ValueError

    with pytest.raises(ValueError):
        PartStore(tmp_path / "parts").make("judged", "k", fail)
    assert not list(tmp_path.rglob("half"))


def test_only_the_parts_of_this_run_are_kept(tmp_path):
    store = PartStore(tmp_path)
    old, new = (store.make("judged", key, lambda fresh: None) for key in ("old", "new"))
    store.keep_only({new})
    assert new.is_dir() and not old.exists()


def test_a_key_names_all_its_content():
    assert key_of("a", {"x": 1}) == key_of("a", {"x": 1}) != key_of("a", {"x": 2})


def test_rules_that_hang_on_other_rows_are_no_row_rules():
    listed = {"type": "comparison", "column": {"name": "item_is_listed"}, "operator": "==", "parameter": True}
    assert is_row_rule(rule())
    assert not is_row_rule(rule("expect_column_values_to_be_unique", "item_id"))
    assert not is_row_rule(rule("expect_column_values_to_be_in_set", "item_is_listed", value_set=[True]))
    assert not is_row_rule(rule(row_condition=listed))
    own, rest = divided(Suite("items", (rule(), rule("expect_column_values_to_be_unique", "item_id"))))
    assert [len(own.expectations), len(rest.expectations)] == [1, 1]


def counts(evaluated, unexpected, broken=""):
    return {"evaluated": evaluated, "unexpected": unexpected, "observed": "", "broken": broken}


def test_a_share_is_judged_over_all_parts():
    parts = [counts(100, 0), counts(100, 10)]
    assert summed("items", rule(mostly=0.95), parts).follows == "holds"
    found = summed("items", rule(mostly=0.96), parts)
    assert (found.follows, found.evaluated, found.unexpected) == ("warn", 200, 10)


def test_a_rule_that_looked_at_no_row_of_any_part_stops_the_run():
    assert summed("items", rule(), [counts(0, 0), counts(1, 0)]).follows == "holds"
    assert summed("items", rule(), [counts(0, 0)]).follows == "stop"
    assert summed("items", rule(), [counts(1, 0), counts(1, 0, "it raised")]).broken == "it raised"
    assert summed("items", rule(), [None, None]).follows == "not given"
