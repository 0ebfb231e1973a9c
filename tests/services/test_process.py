"""What a serving process asks of its libraries and its interpreter."""

import json
import os
import subprocess
import sys

import pytest

LOADED = """
import json
from {home} import prepare
prepare()
import numpy, xgboost
from threadpoolctl import threadpool_info
print(json.dumps([(each["user_api"], each["num_threads"]) for each in threadpool_info()]))
"""
NAMES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "OMP_THREAD_LIMIT")


def threads(home, **told):
    """The most threads of each kind of library that a fresh process has after `prepare`."""
    environment = {name: value for name, value in os.environ.items() if name not in NAMES} | told
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(home=home)], env=environment, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    return {kind: max(n for k, n in found if k == kind) for kind in {k for k, _ in found}}


def test_every_process_has_one_thread_of_blas():
    assert threads("components.core.environment")["blas"] == 1


def test_a_serving_process_has_one_thread_of_each_kind():
    assert threads("services.process") == {"blas": 1, "openmp": 1}


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has one thread")
def test_who_sets_them_keeps_them():
    assert threads("services.process", OPENBLAS_NUM_THREADS="2", OMP_NUM_THREADS="2") == {"blas": 2, "openmp": 2}
