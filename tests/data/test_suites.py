"""A suite that would let bad data pass without a word is refused when it is read."""

import json

import pytest

from components.core import layout
from components.core.errors import DataError
from components.quality.suites import load_suites

SUITE_FAULTS = {
    "an empty suite": (lambda rules: rules.clear(), "no rule about the row count"),
    "no row count": (lambda rules: rules.pop(1), "no rule about the row count"),
    "one bound": (lambda rules: _range(rules)["kwargs"].update(max_value=None), "a range needs both bounds"),
    "range alone": (lambda rules: _forget(rules, "value_present"), "value: a range needs a rule against missing"),
    "no reason": (lambda rules: rules[3]["meta"].pop("why"), "lacks meta why"),
    "no outcome": (lambda rules: rules[3]["meta"].update(outcome="ignore"), "unknown outcome 'ignore'"),
    "two of a name": (lambda rules: rules.append(rules[3]), "two rules have one name"),
}


@pytest.mark.parametrize("fault", SUITE_FAULTS)
def test_a_suite_that_would_pass_silently_is_refused(write, tmp_path, fault):
    edit, words = SUITE_FAULTS[fault]
    write(tmp_path)
    file = tmp_path / layout.EXPECTATIONS / "interactions.json"
    suite = json.loads(file.read_text())
    edit(suite["expectations"])
    file.write_text(json.dumps(suite))
    with pytest.raises(DataError, match=words):
        load_suites(tmp_path / layout.EXPECTATIONS, "complete_journey")


def test_no_suites_at_all_are_refused(tmp_path):
    with pytest.raises(DataError, match="no expectation suite"):
        load_suites(tmp_path, "complete_journey")


def _range(rules):
    return next(rule for rule in rules if rule["meta"]["rule"] == "value_in_range")


def _forget(rules, name):
    rules[:] = [rule for rule in rules if rule["meta"]["rule"] != name]
