"""Imports for those who only serve: XGBoost without scikit-learn, PyArrow without pandas.

XGBoost imports scikit-learn, and with it scipy.stats, only to offer estimators of its kind. PyArrow looks for pandas as
soon as a column becomes an array, only to know its types. Both do without where there is none. Together they are more
than half of what a worker would import. A service is shown neither while it starts; training is never told of this.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

HIDDEN = frozenset({"sklearn", "pandas"})


def import_lean() -> None:
    """Import xgboost and pyarrow without scikit-learn and pandas; what is there already stays as it is.

    Call it before other threads import anything: neither can be imported meanwhile.
    """
    with _hidden():
        import pyarrow as pa
        import xgboost  # noqa: F401

        pa.array(["text"]).to_numpy(zero_copy_only=False)  # the moment at which it looks for pandas, once


class _Nowhere:
    """A finder that finds nothing, in a way that ends the search."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        """ModuleNotFoundError for what is hidden."""
        if name in HIDDEN:
            raise ModuleNotFoundError(f"{name} is not shown to a service that starts", name=name)


@contextmanager
def _hidden() -> Iterator[None]:
    sys.meta_path.insert(0, _Nowhere)
    try:
        yield
    finally:
        sys.meta_path.remove(_Nowhere)
