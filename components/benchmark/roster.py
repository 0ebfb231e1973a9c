"""The roster: which entrants run, with which options. Presets by kind of data, a params file on top, then a choice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field

from components.benchmark.by_data import ByData
from components.benchmark.entrant import Spec
from components.core.bundle import sha256
from components.core.config import Config, parse, read_params
from components.core.errors import ConfigError, did_you_mean
from components.core.registry import ENTRANTS, MODELS

PRESETS = Path(__file__).parent / "presets"
TIMED, SEQUENCES = PRESETS / "timed.yaml", PRESETS / "sequences.yaml"
MODELS_SECTION = "models"
ALL = "all"
BY_ORDER = {"validation": "last_baskets"}
DAYS = "_days"  # ends the names of options that count days: where times are only ranks they mean nothing


class Line(Config):
    """One entry of a `models:` section."""

    component: str
    params: dict[str, Any] = Field(default_factory=dict)
    by_data: list[ByData] = Field(default_factory=list)


def presets(*, timed: bool) -> dict[str, Spec]:
    """The built-in lines for data with or without time stamps, and every registered model that has none there."""
    given = read_lines(TIMED if timed else SEQUENCES)
    named = {spec.component for spec in given.values()}
    lines = given | {name: Spec(name, name, {}) for name in MODELS.names() if name not in named}
    return lines if timed else _untimed(lines)


def read_lines(path: Path) -> dict[str, Spec]:
    """The `models:` section of a file; ConfigError if there is none, or a line is not understood."""
    section = read_params(path).get(MODELS_SECTION)
    if not isinstance(section, dict) or not section:
        raise ConfigError(f"{path}: no section `{MODELS_SECTION}` with names and their components.")
    return {name: _line(path, name, values) for name, values in section.items()}


def chosen(models: str, params: Path | None, *, timed: bool) -> tuple[dict[str, Spec], list[str]]:
    """All lines by name, and the names of those that are to run.

    models  "all" or names, separated by commas
    params  file whose `models:` section replaces lines of the same names and adds others
    timed   without times, options that count days are off, and epochs are chosen by last baskets, not by late events,
            wherever a line does not say otherwise
    Raises  ConfigError on a name that stands nowhere
    """
    own = read_lines(params) if params else {}
    lines = presets(timed=timed) | (own if timed else _untimed(own))
    if models == ALL:
        return lines, list(lines)
    names = [name.strip() for name in models.split(",") if name.strip()]
    unknown = [name for name in names if name not in lines]
    also = f"; {params} adds lines of its own" if params else ""
    if not names:
        raise ConfigError(f"--models: none named; known: {', '.join(lines)}{also}.")
    if unknown:
        raise ConfigError(f"--models: unknown model '{unknown[0]}'{also}; {did_you_mean(unknown[0], lines)}")
    return lines, list(dict.fromkeys(names))


def told_of(params: Path | None, *, timed: bool) -> dict[str, Any] | None:
    """What reports keep of a params file: name, digest, its lines, and which of them replace presets; None without."""
    if params is None:
        return None
    lines, known = read_lines(params), presets(timed=timed)
    return {
        "file": params.name,
        "sha256": sha256(params),
        "replaced": [name for name in lines if name in known],
        "added": [name for name in lines if name not in known],
        "lines": {name: _plainly(spec) for name, spec in lines.items()},
    }


def _plainly(spec: Spec) -> dict[str, Any]:
    by_data = [variant.model_dump(mode="json") for variant in spec.by_data]
    return {"component": spec.component, "params": spec.params, "by_data": by_data}


def able(lines: dict[str, Spec], names: Iterable[str], *, repeats: bool) -> dict[str, str]:
    """Name → why it cannot do what is asked; nothing where all can. Options that are refused raise ConfigError."""
    reasons: dict[str, str] = {}
    single = [name for name, spec in lines.items() if spec.is_model]
    for name in names:
        spec = lines[name]
        for params in (spec.params, *(spec.params | variant.params for variant in spec.by_data)):
            _check(replace(spec, params=params), single)
        if spec.is_model and not repeats and not MODELS.get(spec.component).capabilities.scores_unseen:
            reasons[name] = "it only knows what a user had before, and that is masked (--repeats asks for it)"
    return reasons


def searchable(lines: dict[str, Spec], names: Iterable[str], *, repeats: bool) -> tuple[list[str], dict[str, str]]:
    """The names whose options can be searched, and name → why not for the others; ConfigError where none can.

    What joins models comes last, since it joins them as the search of theirs leaves them.
    """
    reasons = able(lines, names, repeats=repeats)
    left = sorted((name for name in names if name not in reasons), key=lambda name: not lines[name].is_model)
    if not left:
        raise ConfigError(f"tune: nothing to search: {'; '.join(f'{name}: {why}' for name, why in reasons.items())}.")
    return left, reasons


def readers(lines: dict[str, Spec], names: Iterable[str]) -> list[str]:
    """Those of the names that read what items are, themselves or through a model that they join."""
    single = [name for name, spec in lines.items() if spec.is_model]

    def reads(spec: Spec) -> bool:
        """Whether it does."""
        if spec.is_model or spec.uses_content:
            return spec.uses_content
        cls = ENTRANTS.get(spec.component)
        config = parse(cls.Config, spec.params, f"{MODELS_SECTION}.{spec.name}.params")
        return any(reads(lines[member]) for member in cls.members(config, single) if member in lines)

    return [name for name in names if reads(lines[name])]


def _check(spec: Spec, single: list[str]) -> None:
    """ConfigError where an entrant refuses its options, or they name files or single models that are not there."""
    if spec.is_model:
        spec.reads()
        return
    cls = ENTRANTS.get(spec.component)
    cls.members(parse(cls.Config, spec.params, f"{MODELS_SECTION}.{spec.name}.params"), single)


def _line(path: Path, name: str, values: Any) -> Spec:
    where = f"{path}: {MODELS_SECTION}.{name}"
    if not isinstance(name, str) or not name.replace("_", "").replace("-", "").replace(".", "").isalnum():
        raise ConfigError(f"{where}: a name is letters, digits, '_', '-' and '.'; lists/<name>.parquet is made of it.")
    if not isinstance(values, dict):
        raise ConfigError(f"{where}: expected component and params, found {values!r}.")
    line = parse(Line, values, where)
    spec = Spec(name, line.component, line.params, tuple(line.by_data))
    _ = spec.file  # refuses an unknown component
    return spec


def _untimed(lines: dict[str, Spec]) -> dict[str, Spec]:
    return {name: replace(spec, params=_off(spec) | spec.params) for name, spec in lines.items()}


def _off(spec: Spec) -> dict[str, Any]:
    """What a model has to be told where times are only an order."""
    fields = MODELS.get(spec.component).Config.model_fields if spec.is_model else {}
    return {name: None for name in fields if in_days(name)} | {n: v for n, v in BY_ORDER.items() if n in fields}


def in_days(option: str) -> bool:
    """Whether an option counts days; None switches it off."""
    return option.endswith(DAYS)
