"""Suites: expectations/*.json, plain Great Expectations JSON, where every rule says its outcome and its reason.

`<table>.json` says what is true of a canonical table in any shop, `<source>.<table>.json` what is true of it in one
source's, and `<source>.raw_<table>.json` is about one of that source's own tables. A source's rule takes the place of
the shared rule of the same name: it knows closer bounds.
Great Expectations passes an empty table, an all-missing column, a condition that matches nothing, and an infinite
value under a single bound without a word. So a suite here must name its row count; a range must have two bounds and a
rule against missing values; and a rule with a condition must have a twin, a row count under the same condition. Where
a rule may rightly find nothing to look at, it says so and why (`may_be_empty`), and the report shows it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.core.errors import DataError
from components.quality.rules import (
    CONDITION,
    MAY_BE_EMPTY,
    NOT_NULL,
    RANGE,
    ROW_COUNT,
    ROW_RULE_PREFIX,
    Rule,
    leaves,
)
from components.quality.thresholds import Threshold, check_names, tuned

QUARANTINE = "quarantine"  # bad rows are set aside with the reason
STOP = "stop"  # the run ends after the report is written
WARN = "warn"  # it is counted and shown
OUTCOMES = (QUARANTINE, STOP, WARN)
ANY_SOURCE = "any"  # for the shared rules alone
META = ("rule", "outcome", "words", "why")
RAW_PREFIX = "raw_"
DRAFT = "draft"  # mark of a file that nobody accepted yet (components/quality/draft.py)

Rules = tuple[Rule, ...]


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


def load_suites(
    folder: Path,
    source: str,
    thresholds: Mapping[str, Threshold] | None = None,
    where: str = "params.yaml: validate.thresholds",
) -> list[Suite]:
    """All suites that concern a run on `source`, one per table: the shared rules, with the source's own among them.

    thresholds  what params.yaml changes, by `rule` or `table.rule`; `where` names the section in messages
    Raises      DataError if there is no suite, or one is not JSON or breaks a rule about rules (see the module);
                ConfigError if a threshold fits no rule
    """
    files = sorted(Path(folder).glob("*.json"))
    if not files:
        raise DataError(f"{folder}: no expectation suite; restore the folder, data are not accepted unseen.")
    named = [(path, *_split_name(path.stem)) for path in files]
    suites = {table: Suite(table, _read(path), shared=True) for path, owner, table in named if not owner}
    for path, owner, table in named:
        if owner == source:
            suites[table] = _with_own(suites.get(table), Suite(table, _read(path)), path)
    check_names({table: suite.expectations for table, suite in suites.items()}, thresholds or {}, where)
    result = [
        Suite(name, tuned(name, suite.expectations, thresholds or {}, where), suite.shared)
        for name, suite in suites.items()
    ]
    for suite in result:
        _check_suite(suite, Path(folder) / f"{suite.table}.json")
    return result


def _split_name(stem: str) -> tuple[str, str]:
    owner, _, table = stem.rpartition(".")
    return owner, table


def _read(path: Path) -> Rules:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        expectations = tuple(content["expectations"])
        for expectation in expectations:
            _check_rule(expectation, path, is_raw=_split_name(path.stem)[1].startswith(RAW_PREFIX))
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as e:
        raise DataError(
            f"{path}: not an expectation suite ({type(e).__name__}: {e}); see docs/decisions/0002-gx-on-duckdb.md."
        ) from None
    if content.get(DRAFT):
        raise DataError(f"{path}: still a draft; read it, correct it, and delete its line `{DRAFT}`, or the file.")
    _check_names(expectations, path)
    return expectations


def _with_own(shared: Suite | None, own: Suite, path: Path) -> Suite:
    """The shared suite with a source's own rules, those of a shared rule's name in its place."""
    if shared is None:
        return own
    if not own.expectations:
        raise DataError(f"{path}: no rule; remove the file, or say what this source's {own.table} must hold.")
    _check_suite(shared, path.with_name(f"{shared.table}.json"))
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


def _about(rule: Rule) -> tuple[str, str | None]:
    return rule["type"], rule["kwargs"].get("column")


def _check_rule(expectation: Rule, path: Path, *, is_raw: bool) -> None:
    meta, kind = expectation["meta"], expectation["type"]
    missing = [key for key in META if not meta.get(key)]
    if missing:
        raise DataError(f"{path}: a rule of type {kind} lacks meta {', '.join(missing)}; say what it is for.")
    where = f"{path}: rule '{meta['rule']}'"
    if meta["outcome"] not in OUTCOMES:
        raise DataError(f"{where}: unknown outcome '{meta['outcome']}'; choose {', '.join(OUTCOMES)}.")
    if MAY_BE_EMPTY in meta and not (isinstance(meta[MAY_BE_EMPTY], str) and meta[MAY_BE_EMPTY].strip()):
        raise DataError(f"{where}: {MAY_BE_EMPTY} says in words why there may be nothing to look at.")
    if meta["outcome"] == QUARANTINE and is_raw:
        raise DataError(f"{where}: rows of a source's own table cannot be set aside; use stop or warn.")
    _check_condition(expectation, where)


def _check_condition(expectation: Rule, where: str) -> None:
    condition = expectation["kwargs"].get(CONDITION)
    if condition is None:
        return
    try:
        names = [leaf["column"]["name"] for leaf in leaves(condition)]
    except ValueError as e:
        raise DataError(f"{where}: {e}; write it as docs/decisions/0010-rules-and-drift.md shows.") from None
    if not names:
        raise DataError(f"{where}: its condition compares nothing.")


def _check_names(expectations: Rules, path: Path) -> None:
    names = [e["meta"]["rule"] for e in expectations]
    if len(set(names)) < len(names):
        raise DataError(f"{path}: two rules have one name; name each by what it holds.")


def _check_suite(suite: Suite, path: Path) -> None:
    rules = suite.expectations
    if not any(_counts(e) and not e["kwargs"].get(CONDITION) for e in rules):
        raise DataError(f"{path}: no rule about the row count with a minimum of at least 1; an empty table would pass.")
    for rule in rules:
        _check_outcome(rule, f"{path}: rule '{rule['meta']['rule']}'")
    ranged = {e["kwargs"]["column"] for e in rules if e["type"] == RANGE and MAY_BE_EMPTY not in e["meta"]}
    unguarded = ranged - {e["kwargs"]["column"] for e in rules if e["type"] == NOT_NULL}
    if unguarded:
        raise DataError(
            f"{path}: {', '.join(sorted(unguarded))}: a range needs a rule against missing values too, or says why "
            f"they {MAY_BE_EMPTY.replace('_', ' ')}."
        )
    _check_twins(rules, path)


def _check_outcome(rule: Rule, where: str) -> None:
    """What holds of a rule also after params.yaml tuned it."""
    kwargs = rule["kwargs"]
    if rule["meta"]["outcome"] == QUARANTINE:
        if not rule["type"].startswith(ROW_RULE_PREFIX):
            raise DataError(
                f"{where}: only rules about single values of a canonical table can quarantine; use stop or warn."
            )
        if kwargs.get("mostly", 1) < 1:
            raise DataError(f"{where}: a bad row is set aside whatever their share; use stop or warn with `mostly`.")
    if rule["type"] == RANGE and None in (kwargs.get("min_value"), kwargs.get("max_value")):
        raise DataError(f"{where}: a range needs both bounds; with one, infinity passes.")


def _check_twins(rules: Rules, path: Path) -> None:
    """Every condition is shown to match rows, by a row count under the same condition, or may be empty."""
    shown = [e["kwargs"][CONDITION] for e in rules if e["kwargs"].get(CONDITION) and _counts(e)]
    for rule in rules:
        condition = rule["kwargs"].get(CONDITION)
        if condition and condition not in shown and MAY_BE_EMPTY not in rule["meta"]:
            raise DataError(
                f"{path}: rule '{rule['meta']['rule']}': its condition has no twin, a rule about the row count under "
                f"the same condition with a minimum of at least 1; a condition that matches nothing would pass. Add "
                f"the twin, or say in meta `{MAY_BE_EMPTY}` why there may be no such row."
            )


def _counts(rule: Rule) -> bool:
    return rule["type"] == ROW_COUNT and (rule["kwargs"].get("min_value") or 0) >= 1
