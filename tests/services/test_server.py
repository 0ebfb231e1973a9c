"""How quickly a worker is there again: what its process imports, and how often it is looked after."""

import subprocess
import sys

ASKS = """
import sys
from importlib.util import find_spec

from components.core.lean_imports import import_lean

import_lean()
import xgboost

import_lean()
assert xgboost.Booster() is not None
assert not {"sklearn", "pandas"} & set(sys.modules)
assert find_spec("sklearn") is not None and find_spec("pandas") is not None
import pandas

assert list(pandas.Series(["a"])) == ["a"]
"""
LOOKS = """
from services.server import look_often

look_often()
from bentoml._internal.utils.circus import create_standalone_arbiter

assert create_standalone_arbiter([]).check_delay == 1
"""


def test_a_service_loads_the_ranker_without_scikit_learn_and_pandas_and_leaves_them_importable():
    subprocess.run([sys.executable, "-c", ASKS], check=True)


def test_a_dead_worker_is_noticed_within_a_second():
    subprocess.run([sys.executable, "-c", LOOKS], check=True)
