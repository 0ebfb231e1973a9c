"""A suite that would let bad data pass without a word is refused when it is read."""

import json
from pathlib import Path

import pytest

from components.core import layout
from components.core.errors import DataError
from components.quality.suites import load_suites

EXPECTATIONS = Path(__file__).parents[2] / layout.EXPECTATIONS
SUITE_FAULTS = {
    "an empty suite": (lambda rules: rules.clear(), "no rule about the row count"),
    "no row count": (lambda rules: rules.pop(0), "no rule about the row count"),
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


def test_what_is_true_of_one_source_only_concerns_a_run_on_it():
    ours, others = ({s.table: s for s in load_suites(EXPECTATIONS, name)} for name in ("complete_journey", "other"))
    assert set(ours) - set(others) == {"raw_promotions"}
    assert all(suite.shared for suite in others.values())
    assert _rule(ours, "interactions", "timestamp_in_range")["kwargs"]["min_value"] == "2017-01-01 00:00:00"
    assert _rule(others, "interactions", "timestamp_in_range")["kwargs"]["min_value"] == "1990-01-01 00:00:00"
    assert _rule(ours, "items", "brand_known")["kwargs"]["value_set"] == ["National", "Private"]
    said = json.dumps([suite.expectations for suite in others.values()])
    assert not [word for word in ("2017", "2018", "National", "Homeowner", "Under 15K", "1.47") if word in said]


def test_an_own_rule_may_not_replace_a_shared_one_about_something_else(write, tmp_path):
    write(tmp_path)
    file = tmp_path / layout.EXPECTATIONS / "complete_journey.interactions.json"
    suite = json.loads(file.read_text())
    _range(suite["expectations"])["kwargs"]["column"] = "quantity"
    file.write_text(json.dumps(suite))
    with pytest.raises(DataError, match="'value_in_range' would take the place of a shared rule of another type"):
        load_suites(tmp_path / layout.EXPECTATIONS, "complete_journey")


def test_an_own_suite_without_a_rule_is_refused(write, tmp_path):
    write(tmp_path)
    (tmp_path / layout.EXPECTATIONS / "complete_journey.users.json").write_text('{"expectations": []}')
    with pytest.raises(DataError, match=r"complete_journey.users.json: no rule"):
        load_suites(tmp_path / layout.EXPECTATIONS, "complete_journey")


def _rule(suites, table, name):
    return next(e for e in suites[table].expectations if e["meta"]["rule"] == name)


def _range(rules):
    return next(rule for rule in rules if rule["meta"]["rule"] == "value_in_range")


def _forget(rules, name):
    rules[:] = [rule for rule in rules if rule["meta"]["rule"] != name]
