"""Great Expectations, imported without what it loads and nobody here uses: half of its import, in CPU time.

It imports Altair and SciPy's statistics for one rule's picture and two metrics, and PySpark wherever that is installed.
The first two are loaded when somebody first asks them for something that a module lacks before it is loaded; the third
is hidden while it imports; it then says of itself, as where PySpark is not installed, that it judges no Spark frames.
The standard library's LazyLoader would not do: it loads a module as soon as anybody asks for its `__file__`, and Great
Expectations looks through the stack, and `inspect` with it at every module's file, whenever a result is a decimal. No
garbage is collected meanwhile, for classes that stay are looked through again and again in vain.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from components.core.lean_imports import hidden

LATER = ("altair", "scipy.stats")
HIDDEN = "pyspark"
NAME = "great_expectations"
LOADING = threading.RLock()


def great_expectations() -> ModuleType:
    """The package; imported at first use, its analytics off."""
    if NAME not in sys.modules:
        os.environ["GX_ANALYTICS_ENABLED"] = "False"
        with _lean():
            importlib.import_module(NAME)
    return sys.modules[NAME]


@contextmanager
def _lean() -> Iterator[None]:
    finder, collects = _Later(), gc.isenabled()
    sys.meta_path.insert(0, finder)
    gc.disable()
    try:
        with hidden(HIDDEN):
            yield
    finally:
        sys.meta_path.remove(finder)
        if collects:
            gc.enable()


class _Later(MetaPathFinder):
    """Finds the modules of LATER as usual, to be loaded at first use."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The usual spec with a lazy loader; None for other modules."""
        if name not in LATER:
            return None
        others = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
        spec = next((found for found in others if found is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _AtFirstUse(spec.loader)
        return spec


class _AtFirstUse(Loader):
    """Makes the module at once, and has it loaded by its own loader when it is first used."""

    def __init__(self, own: Loader):
        self.own = own

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As its own loader makes it."""
        return self.own.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Leave it unloaded."""
        module.__class__ = _Unloaded


class _Unloaded(ModuleType):
    """A module that has its name, file and path, and nothing else yet."""

    def __getattr__(self, name: str) -> object:
        with LOADING:
            if type(self) is _Unloaded:  # no other thread was quicker
                self.__class__ = ModuleType
                self.__spec__.loader = self.__loader__ = self.__spec__.loader.own
                self.__loader__.exec_module(self)
        return getattr(self, name)
