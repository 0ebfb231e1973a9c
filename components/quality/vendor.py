"""Great Expectations, imported without what it loads and nobody here uses: half of its import, in CPU time.

It imports Altair and SciPy's statistics for one rule's picture and two metrics, and PySpark wherever that is installed.
The first two are loaded by the standard library's LazyLoader when somebody first asks them for something, the third is
hidden while it imports; it then says of itself, as where PySpark is not installed, that it cannot judge Spark's frames.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from components.core.lean_imports import hidden

LATER = ("altair", "scipy.stats")
HIDDEN = "pyspark"
NAME = "great_expectations"


def great_expectations() -> ModuleType:
    """The package; imported at first use, its analytics off."""
    if NAME not in sys.modules:
        os.environ["GX_ANALYTICS_ENABLED"] = "False"
        with _lean():
            importlib.import_module(NAME)
    return sys.modules[NAME]


@contextmanager
def _lean() -> Iterator[None]:
    finder = _Later()
    sys.meta_path.insert(0, finder)
    try:
        with hidden(HIDDEN):
            yield
    finally:
        sys.meta_path.remove(finder)


class _Later(MetaPathFinder):
    """Finds the modules of LATER as usual, to be loaded at first use."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The usual spec with a lazy loader; None for other modules."""
        if name not in LATER:
            return None
        others = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
        spec = next((found for found in others if found is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec
