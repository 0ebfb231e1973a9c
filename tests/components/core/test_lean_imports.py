"""Lean imports leave out what nobody here uses, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
ASKED_LEANLY = """
import gc, sys
from components.core.lean_imports import lean_registry

with lean_registry():
    from components.tracking.registry import ModelRegistry

    registry = ModelRegistry()
print(registry.aliases(), {"pandas", "pyspark"} & sys.modules.keys(), gc.isenabled())
import pandas
"""


@pytest.mark.slow
def test_a_registry_in_a_file_answers_without_pandas_and_spark_which_can_be_imported_afterwards(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", ASKED_LEANLY], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(PROJECT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.split("\n")[-2]) == (0, "{} set() True"), done.stderr
