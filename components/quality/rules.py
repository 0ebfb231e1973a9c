"""Rules: what one rule of a suite is about – its columns, its condition – and how it fits a table that lacks some.

A column that a shop does not have reads as if it were missing in every row. So a rule about it is not judged but told
as "not given by this source", a condition that it be missing is always met, and one that compares it never is. Only
the optional columns of core/schema.py may be absent in this way; a rule about any other column is always judged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from components.core import schema

Rule = dict[str, Any]  # a Great Expectations configuration: type, kwargs, meta (rule, outcome, words, why)

ROW_COUNT = "expect_table_row_count_to_be_between"
NOT_NULL = "expect_column_values_to_not_be_null"
RANGE = "expect_column_values_to_be_between"
UNIQUE = "expect_column_values_to_be_unique"
COMPOUND_UNIQUE = "expect_compound_columns_to_be_unique"
ROW_RULE_PREFIX = "expect_column_value"  # …_values_…, …_value_lengths_…: judged row by row

CONDITION = "row_condition"
COMPARISON, NULLITY, AND = "comparison", "nullity", "and"
MAY_BE_EMPTY = "may_be_empty"  # in a rule's meta: why it may find no row to look at
USER_IS_LISTED = "user_is_listed"  # made by the workspace where the source gives users
NEVER = object()


def optional_columns(table: str) -> frozenset[str]:
    """Columns that a canonical table may lack; none for other tables."""
    known = schema.COLUMNS.get(table, ())
    lacking_allowed = (*known, *schema.TRACE, USER_IS_LISTED) if known else ()
    return frozenset(lacking_allowed) - frozenset(schema.REQUIRED.get(table, ()))


def columns_of(rule: Rule) -> set[str]:
    """The columns that a rule looks at, without those of its condition."""
    kwargs = rule["kwargs"]
    single = {kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs}
    return single | set(kwargs.get("column_list", ()))


def leaves(condition: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The single comparisons of a condition.

    Raises ValueError on a form that these rules do not use: a text, an `or`, an unknown operator.
    """
    kind = condition.get("type") if isinstance(condition, Mapping) else type(condition).__name__
    if kind == AND:
        for part in condition["conditions"]:
            yield from leaves(part)
    elif kind in (COMPARISON, NULLITY):
        yield condition
    else:
        raise ValueError(f"a condition is a comparison, a nullity, or an `and` of such, not {kind!r}")


def fitted(rule: Rule, absent: Collection[str]) -> Rule | None:
    """The rule for a table without the columns `absent`; None if nothing of it is left to judge."""
    kwargs = dict(rule["kwargs"])
    if rule["type"] == COMPOUND_UNIQUE:
        kwargs["column_list"] = [c for c in kwargs["column_list"] if c not in absent]
        if len(kwargs["column_list"]) < 2:
            return None
    elif columns_of(rule) & set(absent):
        return None
    if kwargs.get(CONDITION):
        kwargs[CONDITION] = _reduced(kwargs[CONDITION], absent)
        if kwargs[CONDITION] is NEVER:
            return None
    return rule | {"kwargs": {k: v for k, v in kwargs.items() if k != CONDITION or v is not None}}


def absent_columns(table: str, rules: Collection[Rule], given: Collection[str]) -> set[str]:
    """The optional columns that some rules are about and the table does not have."""
    spoken = {c for rule in rules for c in columns_of(rule)}
    spoken |= {
        leaf["column"]["name"] for r in rules if r["kwargs"].get(CONDITION) for leaf in leaves(r["kwargs"][CONDITION])
    }
    return (spoken & optional_columns(table)) - set(given)


def _reduced(condition: Mapping[str, Any], absent: Collection[str]) -> Any:
    """The condition where the absent columns are missing everywhere: None if always met, NEVER if never."""
    left = []
    for leaf in leaves(condition):
        if leaf["column"]["name"] not in absent:
            left.append(leaf)
        elif not (leaf["type"] == NULLITY and leaf["is_null"]):
            return NEVER
    if not left:
        return None
    return left[0] if len(left) == 1 else {"type": AND, "conditions": left}
