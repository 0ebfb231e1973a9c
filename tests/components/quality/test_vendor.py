"""Great Expectations comes without what nobody here uses, and takes nothing from anybody who does."""

import subprocess
import sys

import pytest

SAYS = """
import sys
from components.quality.vendor import great_expectations
gx = great_expectations()
import inspect
inspect.stack()  # looks at the file of every module there is
print(sorted(m for m in ("altair.vegalite", "scipy.stats._stats_py", "pyspark.sql") if m in sys.modules))
from scipy.stats import ks_2samp
import altair
print(round(ks_2samp([1, 2, 3], [1, 2, 3]).pvalue, 3), altair.Chart.__name__, great_expectations() is gx)
import importlib.util
print(importlib.util.find_spec("pyspark") is None or "pyspark" in str(__import__("pyspark")))
"""


@pytest.mark.slow
def test_what_nobody_uses_is_not_loaded_and_is_there_for_who_asks():
    said = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["[]", "1.0 Chart True", "True"]
