"""docs/catalogue.md: every component and its options, from the registries and the components' own docstrings."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Collection, Iterator
from datetime import date
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from components.core.config import PARAMS_FILE, Config, read_params
from components.core.errors import ConfigError
from components.core.registry import CLEANERS, ENTRANTS, MODELS, PERTURBATIONS, REDUCERS, SOURCES, SPLITS, Registry
from components.steps.table import Step, table

CATALOGUE_FILE = Path("docs/catalogue.md")
TITLES = (
    ("Models", MODELS),
    ("What joins models, in a benchmark", ENTRANTS),
    ("Sources", SOURCES),
    ("Cleaners", CLEANERS),
    ("Split methods", SPLITS),
    ("Reducers", REDUCERS),
    ("Perturbations", PERTURBATIONS),
)
# The steps whose sections are options of their own; split, reduce and models are told by their components.
OF_SECTIONS = ("validate", "clean", "featurize", "rank", "evaluate", "stress", "gate", "index", "register")
HEADER = """# Catalogue of components

Made by `python -m components catalogue --write` from the code; do not edit.
"""


def render(root: Path) -> str:
    """The catalogue as Markdown. It imports every component, heavy libraries only as far as they do."""
    steps = table(read_params(root / PARAMS_FILE)).values()
    parts = [HEADER, "## Steps\n", _step_table(list(steps))]
    sections = _sections(list(steps))
    parts += ["## Sections of params.yaml\n", *(f"### {name}\n\n{told}" for name, (_, told) in sections.items())]
    for title, registry in TITLES:
        if registry.names():
            parts += [f"## {title}\n", *(_component(registry, name) for name in registry.names())]
    classes = [cls for cls, _ in sections.values()]
    components = [registry.get(name).Config for _, registry in TITLES for name in registry.names()]
    inner = {cls.__name__: cls for outer in (*classes, *components) for cls in _within(outer) if cls not in classes}
    parts += ["## Options within options\n", *(f"### {name}\n\n{_options(inner[name])}" for name in sorted(inner))]
    text = "\n".join(parts)
    for name, (cls, _) in sections.items():  # a class that is a section is told under the section's name
        text = text.replace(f"(#{cls.__name__.lower()})", f"(#{name})")
    return text


def _sections(steps: list[Step]) -> dict[str, tuple[type[Config], str]]:
    """Class and options of each section of OF_SECTIONS, and of those that several steps share."""
    found: dict[str, tuple[type[Config], str]] = {}
    for step in (step for step in steps if step.name in OF_SECTIONS):
        config = step.load()[1]
        for name in step.shared:
            (cls,) = _configs(config.model_fields[name].annotation)
            found.setdefault(name, (cls, _options(cls)))
        found[step.section] = config, _options(config, step.shared)
    return found


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


def _options(config: type[Config], hidden: Collection[str] = ()) -> str:
    fields = {name: field for name, field in config.model_fields.items() if name not in hidden}
    if not fields:
        return "No options.\n"
    told = any(map(_words, fields.values()))
    rows = [_said_of(config), "", "| option | default |" + " |" * told, "|---|---|" + "---|" * told]
    for name, field in fields.items():
        default = "required" if field.is_required() else f"`{_shown(field.get_default(call_default_factory=True))}`"
        rows.append(f"| {name} | {_cell(default)} |" + f" {_cell(_words(field))} |" * told)
    return "\n".join(rows) + "\n"


def _said_of(config: type[Config]) -> str:
    """The words of a configuration, and of those whose options it takes over."""
    family = [cls for cls in config.__mro__ if issubclass(cls, Config) and cls is not Config and cls.__doc__]
    return "\n\n".join(inspect.cleandoc(cls.__doc__) for cls in family)


def _words(field: FieldInfo) -> str:
    """What the field says of itself, and where the options of its own are told."""
    told = [f"[{cls.__name__}](#{cls.__name__.lower()})" for cls in _configs(field.annotation)]
    return "; ".join([*([field.description] if field.description else []), *told])


def _shown(value: Any) -> str:
    """A default as one would write it: of a configuration only what differs from its own defaults."""
    if isinstance(value, Config):
        given = {name: getattr(value, name) for name in type(value).model_fields}
        changed = [f"{name}={_shown(v)}" for name, v in given.items() if v != _default(type(value), name)]
        return f"{type(value).__name__}({', '.join(changed)})"
    if isinstance(value, tuple):
        return f"({', '.join(map(_shown, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name!r}: {_shown(v)}' for name, v in value.items())}}}"
    return str(value) if isinstance(value, date) else repr(value)


def _default(config: type[Config], name: str) -> Any:
    return config.model_fields[name].get_default(call_default_factory=True)


def _within(config: type[Config]) -> Iterator[type[Config]]:
    """The configurations that are options of another, at any depth."""
    for field in config.model_fields.values():
        for cls in _configs(field.annotation):
            yield cls
            yield from _within(cls)


def _configs(annotation: Any) -> Iterator[type[Config]]:
    if isinstance(annotation, type) and issubclass(annotation, Config):
        yield annotation
    for part in get_args(annotation):
        yield from _configs(part)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
