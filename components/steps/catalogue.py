"""docs/catalogue.md: every component and its options, from the registries and the components' own docstrings."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

from components.core.config import PARAMS_FILE, Config, read_params
from components.core.errors import ConfigError
from components.core.registry import CLEANERS, MODELS, PERTURBATIONS, REDUCERS, SOURCES, SPLITS, Registry
from components.steps.table import Step, table

CATALOGUE_FILE = Path("docs/catalogue.md")
TITLES = (
    ("Models", MODELS),
    ("Sources", SOURCES),
    ("Cleaners", CLEANERS),
    ("Split methods", SPLITS),
    ("Reducers", REDUCERS),
    ("Perturbations", PERTURBATIONS),
)
HEADER = """# Catalogue of components

Made by `python -m components catalogue --write` from the code; do not edit.
"""


def render(root: Path) -> str:
    """The catalogue as Markdown. It imports every component, heavy libraries only as far as they do."""
    steps = table(read_params(root / PARAMS_FILE)).values()
    parts = [HEADER, "## Steps\n", _step_table(list(steps))]
    for title, registry in TITLES:
        if registry.names():
            parts += [f"## {title}\n", *(_component(registry, name) for name in registry.names())]
    return "\n".join(parts)


def check(root: Path) -> None:
    """ConfigError unless the committed catalogue is what the code gives."""
    path = root / CATALOGUE_FILE
    if not path.is_file() or path.read_text(encoding="utf-8") != render(root):
        raise ConfigError(f"{CATALOGUE_FILE}: not what the code gives; run `python -m components catalogue --write`.")


def _step_table(steps: list[Step]) -> str:
    rows = ["| step | what | section of params.yaml | writes |", "|---|---|---|---|"]
    for step in steps:
        writes = ", ".join(f"`{path}`" for path in step.writes)
        rows.append(f"| {step.name} | {step.description} | {step.section} | {writes} |")
    return "\n".join(rows) + "\n"


def _component(registry: Registry, name: str) -> str:
    cls = registry.get(name)
    words = inspect.getdoc(importlib.import_module(cls.__module__)) or ""
    version = f" (version {cls.version})" if hasattr(cls, "version") else ""
    return f"### {name}{version}\n\n`{registry.file(name)}`\n\n{words}\n\n{_options(cls.Config)}"


def _options(config: type[Config]) -> str:
    if not config.model_fields:
        return "No options.\n"
    rows = [inspect.getdoc(config) or "", "", "| option | default |", "|---|---|"]
    rows += [
        f"| {name} | `{field.get_default(call_default_factory=True)!r}` |"
        for name, field in config.model_fields.items()
    ]
    return "\n".join(rows) + "\n"
