import pytest

from components.core.config import parse
from components.core.errors import ConfigError
from components.experiments.design import Experiment


def test_a_user_keeps_its_variant_and_both_occur():
    experiment = parse(Experiment, {"name": "demo"}, "experiment")
    variants = [experiment.variant_of(str(unit)) for unit in range(20)]
    assert variants == [experiment.variant_of(str(unit)) for unit in range(20)]
    assert set(variants) == set(experiment.policies)


def test_a_declaration_survives_the_way_to_the_service():
    experiment = Experiment(name="demo", shares={"control": 0.9, "treatment": 0.1}, treatment_model="popularity")
    assert Experiment.model_validate_json(experiment.model_dump_json()) == experiment


@pytest.mark.parametrize("name", ["", "../up", "a/b", "a b", "a" * 65])
def test_names_that_are_no_folders_are_refused(name):
    with pytest.raises(ConfigError, match="name"):
        parse(Experiment, {"name": name}, "experiment")


@pytest.mark.parametrize(
    "shares",
    [{}, {"control": 1.0}, {"control": 0.5, "treatment": 0.6}, {"control": 0.5, "other": 0.5}],
)
def test_shares_that_cannot_be_compared_are_refused(shares):
    with pytest.raises(ConfigError):
        parse(Experiment, {"name": "demo", "shares": shares}, "experiment")
