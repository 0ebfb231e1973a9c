"""Row rules: those that a row keeps or breaks by itself, so that a file's rows are judged once and never again."""

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING, Any

from components.quality.judge import ROW
from components.quality.rules import CONDITION, NOT_NULL, NULLITY, RANGE, USER_IS_LISTED, Rule, columns_of, leaves
from components.quality.suites import Suite
from components.quality.verdict import Verdict, not_given, verdict
from components.quality.workspace import IS_LISTED

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import BooleanValue

NULL = "expect_column_values_to_be_null"
TYPES = (
    NOT_NULL,
    NULL,
    RANGE,
    "expect_column_values_to_be_in_set",
    "expect_column_values_to_not_be_in_set",
    "expect_column_values_to_match_regex",
    "expect_column_values_to_not_match_regex",
    "expect_column_value_lengths_to_be_between",
    "expect_column_value_lengths_to_equal",
)
BETWEEN_TABLES = {ROW, IS_LISTED, USER_IS_LISTED}  # columns that hang on other rows
COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "IN": lambda column, values: column.isin(values),
    "NOT_IN": lambda column, values: column.notin(values),
}


def divided(suite: Suite) -> tuple[Suite, Suite]:
    """The suite's row rules, and the rules about the table as a whole."""
    own = tuple(rule for rule in suite.expectations if is_row_rule(rule))
    rest = tuple(rule for rule in suite.expectations if not is_row_rule(rule))
    return replace(suite, expectations=own), replace(suite, expectations=rest)


def is_row_rule(rule: Rule) -> bool:
    """Whether a row's fate under the rule hangs on nothing but the row."""
    condition = rule["kwargs"].get(CONDITION)
    compared = {leaf["column"]["name"] for leaf in leaves(condition)} if condition else set()
    return rule["type"] in TYPES and not (columns_of(rule) | compared) & BETWEEN_TABLES


def evaluated(table: Table, rule: Rule) -> BooleanValue:
    """True for the rows that Great Expectations looks at: those of the condition, with a value where one is judged."""
    condition = rule["kwargs"].get(CONDITION)
    parts = [_meets(table, leaf) for leaf in leaves(condition)] if condition else []
    if rule["type"] not in (NOT_NULL, NULL):
        parts.append(table[rule["kwargs"]["column"]].notnull())
    import ibis

    return reduce(operator.and_, parts, ibis.literal(True))


def summed(table: str, rule: Rule, found: Collection[Mapping[str, Any] | None]) -> Verdict:
    """The verdict on a rule from what was counted in each part of the table.

    found  by part: `evaluated`, `unexpected`, `observed` (words), `broken`; None where the rule is not given
    """
    counts = [part for part in found if part is not None]
    if found and not counts:
        return not_given(table, rule)
    looked, bad = (sum(part[name] for part in counts) for name in ("evaluated", "unexpected"))
    success = looked == 0 or (looked - bad) / looked >= rule["kwargs"].get("mostly", 1)
    result = {"element_count": looked, "unexpected_count": bad, "missing_count": 0}
    whole = verdict(table, rule, {"success": success, "result": result})
    broken = next((part["broken"] for part in counts if part["broken"]), "")
    observed = next((part["observed"] for part in counts if part["observed"]), whole.observed)
    return replace(whole, broken=broken or whole.broken, observed=observed)


def _meets(table: Table, leaf: Mapping[str, Any]) -> BooleanValue:
    column = table[leaf["column"]["name"]]
    if leaf["type"] == NULLITY:
        return column.isnull() if leaf["is_null"] else column.notnull()
    return COMPARISONS[leaf["operator"]](column, leaf["parameter"]).fill_null(False)
