from datetime import datetime

import pytest

from components.core import schema
from components.core.errors import DataError
from components.experiments.exposures import read_exposures, reconcile
from components.experiments.replay import Served
from components.online.address import open_store
from components.online.store import Exposure


def served(request_id, variant, shown=2):
    return Served(request_id, "a", "s", datetime.fromisoformat("2017-12-01"), variant, "1", None, shown, 0)


@pytest.fixture
def log(tmp_path):
    """Two positions of r1 in the experiment, one of r2 in another."""
    store = open_store(tmp_path, None)
    store.prepare()
    store.add_exposure(Exposure("r1", "a", ["milk", "tea"], [0.9, 0.5], "x", "demo", "control", 0))
    store.add_exposure(Exposure("r2", "b", ["milk"], [0.9], "x", "other", "control", 0))
    return store


def test_only_the_experiment_is_read(log):
    found = read_exposures(log, "demo")
    assert found.column_names == list(schema.EXPOSURES)
    assert found["item_id"].to_pylist() == ["milk", "tea"]


def test_a_log_that_holds_every_answer_is_trusted(log):
    complete = [served("r1", "control"), served("empty", "control", shown=0)]
    assert reconcile(complete, read_exposures(log, "demo")) is None


@pytest.mark.parametrize("answer", [served("lost", "control"), served("r1", "treatment")])
def test_a_log_that_lost_or_mixed_up_an_answer_is_not(log, answer):
    with pytest.raises(DataError, match="cannot be trusted"):
        reconcile([answer], read_exposures(log, "demo"))


def test_an_empty_log_is_a_table_without_rows(log):
    assert read_exposures(log, "nothing").num_rows == 0


def test_the_log_gives_off_policy_estimates_the_probability_of_every_place(log):
    shown = Exposure("r3", "c", ["milk", "cocoa"], [0.9, -1.0], "x", "drawn", "control", 0, propensity=[1.0, 0.025])
    log.add_exposure(shown)
    assert read_exposures(log, "drawn")[schema.PROPENSITY].to_pylist() == [1.0, 0.025]
    assert read_exposures(log, "demo")[schema.PROPENSITY].to_pylist() == [1.0, 1.0]
