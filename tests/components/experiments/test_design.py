import pytest

from components.core.config import parse
from components.core.errors import ConfigError
from components.experiments.design import Experiment

HALVES = {"control": {"share": 0.5, "policy": "household_recency"}, "treatment": {"share": 0.5, "policy": "ranker"}}


def test_a_household_gets_the_policy_of_its_variant():
    experiment = parse(Experiment, {"name": "demo", "variants": HALVES}, "experiment")
    for unit in map(str, range(20)):
        assert experiment.policy_of(unit) == HALVES[experiment.variant_of(unit)]["policy"]
    assert {experiment.variant_of(str(unit)) for unit in range(20)} == {"control", "treatment"}


@pytest.mark.parametrize("name", ["", "../up", "a/b", "Ab", "-a", "a" * 65])
def test_names_that_are_no_folders_are_refused(name):
    with pytest.raises(ConfigError, match="name"):
        parse(Experiment, {"name": name, "variants": HALVES}, "experiment")


@pytest.mark.parametrize(
    "variants",
    [
        {},
        {"control": HALVES["control"]},
        HALVES | {"treatment": {"share": 0.6, "policy": "ranker"}},
        HALVES | {"third": HALVES["control"]},
    ],
)
def test_variants_that_cannot_be_compared_are_refused(variants):
    with pytest.raises(ConfigError):
        parse(Experiment, {"name": "demo", "variants": variants}, "experiment")
