"""Name → class: a component is registered by the name of its file and imported when it is asked for."""

from __future__ import annotations

import importlib
from functools import cached_property
from pathlib import Path

from components.core.errors import ConfigError, did_you_mean

ROOT = Path(__file__).parents[1]


class Registry:
    """All files of some folders under components/, except those whose name starts with an underscore."""

    def __init__(self, kind: str, *folders: str):
        """kind names the components in messages; folders are relative to components/."""
        self.kind = kind
        self.folders = folders

    @cached_property
    def modules(self) -> dict[str, str]:
        """Registered name → module path, without importing anything."""
        return {
            file.stem: ".".join(("components", *Path(folder).parts, file.stem))
            for folder in self.folders
            for file in sorted((ROOT / folder).glob("*.py"))
            if not file.stem.startswith("_")
        }

    def names(self) -> list[str]:
        """All registered names, sorted."""
        return sorted(self.modules)

    def file(self, name: str) -> str:
        """Path of the component's source file, relative to the project."""
        return self._module_name(name).replace(".", "/") + ".py"

    def get(self, name: str) -> type:
        """The component's class: the one public class with a `Config` that its file defines."""
        module = importlib.import_module(self._module_name(name))
        found = [
            value
            for key, value in vars(module).items()
            if isinstance(value, type)
            and value.__module__ == module.__name__
            and hasattr(value, "Config")
            and not key.startswith("_")
        ]
        if len(found) != 1:
            raise ConfigError(f"{module.__file__}: expected one {self.kind} class, found {len(found)}.")
        return found[0]

    def _module_name(self, name: str) -> str:
        if name not in self.modules:
            raise ConfigError(f"unknown {self.kind} '{name}'; {did_you_mean(name, self.names())}")
        return self.modules[name]


MODELS = Registry("model", "cf", "deep")
SOURCES = Registry("source", "data/sources")
ENTRANTS = Registry("entrant", "benchmark/entrants")
CLEANERS = Registry("cleaner", "data/cleaning")
PERTURBATIONS = Registry("perturbation", "robustness/perturbations")
REDUCERS = Registry("reducer", "reduction")
SPLITS = Registry("split method", "splits/methods")
