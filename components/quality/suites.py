"""Suites: expectations/*.json, plain Great Expectations JSON, where every rule says its outcome and its reason.

`<table>.json` says what is true of a canonical table in any shop, `<source>.<table>.json` what is true of it in one
source's, and `<source>.raw_<table>.json` is about one of that source's own tables. A source's rule takes the place of
the shared rule of the same name: it knows closer bounds.
Great Expectations passes an empty table, an all-missing column and an infinite value under a single bound without a
word, so a suite here must name its row count, and a range must have two bounds and a rule against missing values.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core.errors import DataError

QUARANTINE = "quarantine"  # bad rows are set aside with the reason
STOP = "stop"  # the run ends after the report is written
WARN = "warn"  # it is counted and shown
OUTCOMES = (QUARANTINE, STOP, WARN)
META = ("rule", "outcome", "words", "why")

ROW_COUNT = "expect_table_row_count_to_be_between"
NOT_NULL = "expect_column_values_to_not_be_null"
RANGE = "expect_column_values_to_be_between"
ROW_RULE_PREFIX = "expect_column_value"  # …_values_…, …_value_lengths_…: judged row by row
RAW_PREFIX = "raw_"

Rules = tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Suite:
    """The rules about one table.

    table         name of the table they judge; raw tables carry the prefix `raw_`
    expectations  Great Expectations configurations: type, kwargs, meta (rule, outcome, words, why)
    shared        whether every shop has them; a source without such a table (users, promotions) passes them by
    """

    table: str
    expectations: Rules
    shared: bool = False

    @property
    def is_raw(self) -> bool:
        """Whether the table is one of the source's own; its rows cannot be quarantined."""
        return self.table.startswith(RAW_PREFIX)


def load_suites(folder: Path, source: str) -> list[Suite]:
    """All suites that concern a run on `source`, one per table: the shared rules, with the source's own among them.

    Raises DataError if there is none, or one is not JSON or breaks a rule about rules (see the module).
    """
    files = sorted(Path(folder).glob("*.json"))
    if not files:
        raise DataError(f"{folder}: no expectation suite; restore the folder, data are not accepted unseen.")
    named = [(path, *_split_name(path.stem)) for path in files]
    suites = {table: Suite(table, _read(path), shared=True) for path, owner, table in named if not owner}
    for path, owner, table in named:
        if owner == source:
            suites[table] = _with_own(suites.get(table), Suite(table, _read(path)), path)
    for table, suite in suites.items():
        _check_suite(suite.expectations, Path(folder) / f"{table}.json")
    return list(suites.values())


def _split_name(stem: str) -> tuple[str, str]:
    owner, _, table = stem.rpartition(".")
    return owner, table


def _read(path: Path) -> Rules:
    try:
        expectations = tuple(json.loads(path.read_text(encoding="utf-8"))["expectations"])
        for expectation in expectations:
            _check_rule(expectation, path, is_raw=_split_name(path.stem)[1].startswith(RAW_PREFIX))
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as e:
        raise DataError(
            f"{path}: not an expectation suite ({type(e).__name__}: {e}); see docs/decisions/0002-gx-on-duckdb.md."
        ) from None
    _check_names(expectations, path)
    return expectations


def _with_own(shared: Suite | None, own: Suite, path: Path) -> Suite:
    """The shared suite with a source's own rules, those of a shared rule's name in its place."""
    if shared is None:
        return own
    if not own.expectations:
        raise DataError(f"{path}: no rule; remove the file, or say what this source's {own.table} must hold.")
    _check_suite(shared.expectations, path.with_name(f"{shared.table}.json"))
    rules = {e["meta"]["rule"]: e for e in shared.expectations}
    for rule in own.expectations:
        replaced = rules.get(rule["meta"]["rule"])
        if replaced and _about(replaced) != _about(rule):
            raise DataError(
                f"{path}: rule '{rule['meta']['rule']}' would take the place of a shared rule of another type or "
                "column; give it a name of its own."
            )
        rules[rule["meta"]["rule"]] = rule
    return Suite(own.table, tuple(rules.values()), shared=True)


def _about(rule: dict[str, Any]) -> tuple[str, str | None]:
    return rule["type"], rule["kwargs"].get("column")


def _check_rule(expectation: dict[str, Any], path: Path, *, is_raw: bool) -> None:
    meta, kind = expectation["meta"], expectation["type"]
    missing = [key for key in META if not meta.get(key)]
    if missing:
        raise DataError(f"{path}: a rule of type {kind} lacks meta {', '.join(missing)}; say what it is for.")
    where = f"{path}: rule '{meta['rule']}'"
    if meta["outcome"] not in OUTCOMES:
        raise DataError(f"{where}: unknown outcome '{meta['outcome']}'; choose {', '.join(OUTCOMES)}.")
    if meta["outcome"] == QUARANTINE and (is_raw or not kind.startswith(ROW_RULE_PREFIX)):
        raise DataError(
            f"{where}: only rules about single values of a canonical table can quarantine; use stop or warn."
        )
    if kind == RANGE and None in (expectation["kwargs"].get("min_value"), expectation["kwargs"].get("max_value")):
        raise DataError(f"{where}: a range needs both bounds; with one, infinity passes.")


def _check_names(expectations: Rules, path: Path) -> None:
    names = [e["meta"]["rule"] for e in expectations]
    if len(set(names)) < len(names):
        raise DataError(f"{path}: two rules have one name; name each by what it holds.")


def _check_suite(expectations: Rules, path: Path) -> None:
    if not any(e["type"] == ROW_COUNT and e["kwargs"].get("min_value", 0) >= 1 for e in expectations):
        raise DataError(f"{path}: no rule about the row count with a minimum of at least 1; an empty table would pass.")
    present = {e["kwargs"]["column"] for e in expectations if e["type"] == NOT_NULL}
    ranged = {e["kwargs"]["column"] for e in expectations if e["type"] == RANGE}
    if ranged - present:
        raise DataError(
            f"{path}: {', '.join(sorted(ranged - present))}: a range needs a rule against missing values too."
        )
