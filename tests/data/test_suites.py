"""A suite that would let bad data pass without a word is refused when it is read."""

import json
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from components.core import layout
from components.core.errors import ConfigError, DataError
from components.quality.suites import load_suites
from components.quality.thresholds import Threshold

EXPECTATIONS = Path(__file__).parents[2] / layout.EXPECTATIONS
SUITE_FAULTS = {
    "an empty suite": (lambda rules: rules.clear(), "no rule about the row count"),
    "no row count": (lambda rules: rules.pop(0), "no rule about the row count"),
    "one bound": (lambda rules: _range(rules)["kwargs"].update(max_value=None), "a range needs both bounds"),
    "range alone": (
        lambda rules: _forget(rules, "timestamp_present"),
        "timestamp: a range needs a rule against missing",
    ),
    "condition alone": (lambda rules: _named(rules, "value_present")["meta"].pop("may_be_empty"), "has no twin"),
    "condition as text": (
        lambda rules: _named(rules, "value_present")["kwargs"].update(row_condition='col("value") > 0'),
        "a condition is a comparison, a nullity, or an `and` of such, not 'str'",
    ),
    "empty for no reason": (lambda rules: _range(rules)["meta"].update(may_be_empty=True), "says in words why"),
    "few bad rows may stay": (
        lambda rules: _range(rules)["kwargs"].update(mostly=0.9),
        "set aside whatever their share",
    ),
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


def test_a_twin_is_a_row_count_under_the_same_condition(write, tmp_path):
    write(tmp_path)
    file = tmp_path / layout.EXPECTATIONS / "interactions.json"
    suite = json.loads(file.read_text())
    present = _named(suite["expectations"], "value_present")
    del present["meta"]["may_be_empty"]
    twin = {
        "type": "expect_table_row_count_to_be_between",
        "meta": present["meta"] | {"rule": "purchases_exist", "outcome": "stop"},
    }
    twin["kwargs"] = {"min_value": 1, "max_value": 9, "row_condition": present["kwargs"]["row_condition"]}
    suite["expectations"].append(twin)
    file.write_text(json.dumps(suite))
    loaded = {s.table: s for s in load_suites(tmp_path / layout.EXPECTATIONS, "other")}
    assert _rule(loaded, "interactions", "purchases_exist")["kwargs"]["max_value"] == 9


def _load(**thresholds):
    tuned = {name.replace("__", "."): Threshold(**said) for name, said in thresholds.items()}
    return {s.table: s for s in load_suites(EXPECTATIONS, "other", tuned)}


def test_thresholds_change_a_rule_everywhere_or_in_one_table_and_say_so():
    suites = _load(
        items_fit={"mostly": 0.5}, promotions__items_fit={"outcome": "warn"}, items__price_in_range={"max": 99}
    )
    assert _rule(suites, "interactions", "items_fit")["kwargs"]["mostly"] == 0.5
    assert _rule(suites, "interactions", "items_fit")["meta"]["override"] == "mostly 0.99 → 0.5"
    assert _rule(suites, "promotions", "items_fit")["kwargs"]["mostly"] == 0.99
    assert _rule(suites, "promotions", "items_fit")["meta"]["outcome"] == "warn"
    assert _rule(suites, "items", "price_in_range")["kwargs"]["max_value"] == 99
    assert "override" not in _rule(suites, "interactions", "value_in_range")["meta"]


def test_a_threshold_may_be_a_date_as_yaml_reads_it():
    suites = _load(timestamp_in_range={"max": date(2018, 1, 2)})
    assert _rule(suites, "interactions", "timestamp_in_range")["kwargs"]["max_value"] == "2018-01-02"


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        ({"item_listd": {"outcome": "stop"}}, "no suite has a rule 'item_listd'; did you mean 'item_listed'"),
        ({"users__item_listed": {"outcome": "stop"}}, r"no suite has a rule 'users.item_listed'"),
        ({"row_count": {"mostly": 0.5}}, "'mostly': the rule 'the table has"),
        ({"item_listed": {"max": 5}}, "'max': the rule 'every product"),
    ],
)
def test_a_threshold_that_fits_no_rule_is_refused(thresholds, words):
    with pytest.raises(ConfigError, match=words):
        _load(**thresholds)


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        ({"interactions__row_count": {"min": 0}}, "interactions.json: no rule about the row count"),
        ({"value_in_range": {"mostly": 0.9}}, "a bad row is set aside whatever their share"),
        ({"row_count": {"outcome": "quarantine"}}, "only rules about single values"),
    ],
)
def test_thresholds_obey_the_rules_about_rules(thresholds, words):
    with pytest.raises(DataError, match=words):
        _load(**thresholds)


def test_a_threshold_that_says_nothing_or_infinity_is_refused():
    for said in ({}, {"max": float("inf")}, {"outcome": "ignore"}, {"least": 1}):
        with pytest.raises(ValidationError):
            Threshold(**said)


def _rule(suites, table, name):
    return next(e for e in suites[table].expectations if e["meta"]["rule"] == name)


def _range(rules):
    return _named(rules, "value_in_range")


def _named(rules, name):
    return next(rule for rule in rules if rule["meta"]["rule"] == name)


def _forget(rules, name):
    rules[:] = [rule for rule in rules if rule["meta"]["rule"] != name]
