"""A column that a shop does not have reads as missing in every row."""

import pytest

from components.quality.rules import absent_columns, columns_of, fitted, leaves, optional_columns

BOUGHT = {"type": "comparison", "column": {"name": "event_type"}, "operator": "==", "parameter": "purchase"}
GUEST = {"type": "nullity", "column": {"name": "session_id"}, "is_null": True}
IN_SESSION = GUEST | {"is_null": False}


def rule(column, condition=None, kind="expect_column_values_to_not_be_null"):
    return {"type": kind, "kwargs": {"column": column, "row_condition": condition}, "meta": {"rule": column}}


def unique(*columns):
    return {"type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": list(columns)}, "meta": {}}


def test_required_columns_are_never_optional():
    assert "value" in optional_columns("interactions")
    assert not {"user_id", "item_id", "event_type", "timestamp"} & optional_columns("interactions")
    assert not optional_columns("raw_promotions"), "a source's own table has what its suite says"


def test_a_rule_about_an_absent_column_is_left_out():
    assert fitted(rule("value", BOUGHT), {"value"}) is None


def test_that_an_absent_column_is_missing_always_holds():
    assert fitted(rule("user_id", GUEST), {"session_id"})["kwargs"] == {"column": "user_id"}


@pytest.mark.parametrize("condition", [IN_SESSION, BOUGHT | {"column": {"name": "session_id"}}])
def test_what_an_absent_column_would_have_to_hold_never_does(condition):
    assert fitted(rule("user_id", condition), {"session_id"}) is None


def test_of_two_conditions_the_one_that_is_left_decides():
    both = {"type": "and", "conditions": [GUEST, BOUGHT]}
    assert fitted(rule("user_id", both), {"session_id"})["kwargs"]["row_condition"] == BOUGHT
    assert fitted(rule("user_id", both), {"value"})["kwargs"]["row_condition"] == both


def test_rows_are_told_apart_by_the_columns_that_are_there():
    kept = fitted(unique("user_id", "session_id", "timestamp"), {"session_id"})
    assert kept["kwargs"]["column_list"] == ["user_id", "timestamp"]
    assert fitted(unique("user_id", "session_id"), {"session_id"}) is None


def test_columns_of_conditions_count_too():
    rules = [rule("user_id", GUEST), rule("value", BOUGHT), rule("colour"), unique("user_id", "store_id")]
    assert absent_columns("interactions", rules, ["user_id", "value"]) == {"session_id", "store_id"}
    assert columns_of(unique("user_id", "store_id")) == {"user_id", "store_id"}


@pytest.mark.parametrize("condition", ["col('a') > 1", {"type": "or", "conditions": [GUEST]}, {"type": "sql"}])
def test_other_forms_of_conditions_are_refused(condition):
    with pytest.raises(ValueError, match="a condition is a comparison"):
        list(leaves(condition))
