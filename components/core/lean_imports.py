"""Imports without what they would load and nobody here uses, as XGBoost without scikit-learn, PyArrow without pandas.

XGBoost imports scikit-learn, and with it scipy.stats, only to offer estimators of its kind. PyArrow looks for pandas as
soon as a column becomes an array, only to know its types. Both do without where there is none. Together they are more
than half of what a worker would import. A service is shown neither while it starts; training is never told of this.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def import_lean() -> None:
    """Import xgboost and pyarrow without scikit-learn and pandas; what is there already stays as it is.

    Call it before other threads import anything: neither can be imported meanwhile.
    """
    with hidden("sklearn", "pandas"):
        import pyarrow as pa
        import xgboost  # noqa: F401

        pa.array(["text"]).to_numpy(zero_copy_only=False)  # the moment at which it looks for pandas, once


@contextmanager
def lean_registry() -> Iterator[None]:
    """For a command that asks the registry and ends: what it imports of MLflow within the block costs a fifth less.

    MLflow looks for pandas and PySpark to describe data sets, of which the registry has none. The hundred thousands of
    objects that an import makes all stay: the collector need not look at them, neither now nor later.
    As `import_lean`, it is for a process whose other threads import nothing.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        with hidden("pandas", "pyspark"):
            yield
        gc.freeze()
    finally:
        if collecting:
            gc.enable()


class _Nowhere:
    """A finder that finds nothing, in a way that ends the search."""

    def __init__(self, names: tuple[str, ...]):
        self.names = names

    def find_spec(self, name: str, *_: object) -> None:
        """ModuleNotFoundError for what is hidden."""
        if name in self.names:
            raise ModuleNotFoundError(f"{name} is hidden from this import", name=name)


@contextmanager
def hidden(*names: str) -> Iterator[None]:
    """Modules that cannot be imported within the block, unless they are there already."""
    finder = _Nowhere(names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
