"""Checks of params.yaml across its sections: options of the named components, and names that must mean something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from components.core import layout
from components.core.config import PARAMS_FILE, parse
from components.core.errors import ConfigError, did_you_mean
from components.core.registry import MODELS, PERTURBATIONS, REDUCERS, SOURCES, SPLITS, Registry
from components.data import policy
from components.quality.suites import ANY_SOURCE, load_suites

TRAIN_SECTION = "models."


def check(sections: Mapping[str, Any]) -> None:
    """Check what no section can see alone: nested options, and the names by which sections speak of each other.

    sections  the parsed configuration of every step, by its section in params.yaml (models.<name> for each model)
    Raises    ConfigError on the first option or name that is unknown, missing or there twice. The components' own
              files are imported for it, the heavy libraries behind them are not.
    """
    trained = {key.removeprefix(TRAIN_SECTION): c for key, c in sections.items() if key.startswith(TRAIN_SECTION)}
    _names(trained)
    for name, model in trained.items():
        _options(MODELS, f"models.{name}", model.component, model.params)
    _options(REDUCERS, "reduce", sections["reduce"].component, sections["reduce"].params)
    _options(SOURCES, "source", sections["source"].component, sections["source"].params)
    policy.chosen(sections["clean"])
    _times(sections["source"], sections["split"].method)
    _perturbations(sections["stress"].perturbations)
    _candidates(sections["rank"].candidates, trained)
    if sections["rank"].buy_again:
        chosen = [sections["rank"].buy_again.model]
        _known("rank.buy_again.model", "model of rank.candidates", chosen, sections["rank"].candidates)
    _compared(sections["evaluate"], sections["gate"].beat, trained)
    _known("stress.baseline", "model", [sections["stress"].baseline], trained)


def check_thresholds(sections: Mapping[str, Any], root: Path) -> None:
    """ConfigError on a threshold for a rule that no suite of the project in `root` has, or that it cannot have."""
    folders = {
        "validate": (layout.EXPECTATIONS, sections["source"].component),
        "featurize": (layout.FEATURE_EXPECTATIONS, ANY_SOURCE),
    }
    for section, (folder, source) in folders.items():
        if (root / folder).is_dir():  # without suites the step that needs them says what is missing
            load_suites(root / folder, source, sections[section].thresholds, f"{PARAMS_FILE}: {section}.thresholds")


def _times(source: Any, method: str) -> None:
    """A source that knows only the order of events has no time at which all users could be cut."""
    splitter = SPLITS.get(method)
    if splitter.needs_times and not source.open().has_times:
        fit = [name for name in SPLITS.names() if not SPLITS.get(name).needs_times]
        raise ConfigError(
            f"{PARAMS_FILE}: split.method: '{method}' cuts at one time for all users, but the source "
            f"'{source.component}' knows only the order of each user's events; choose {' or '.join(fit)}."
        )


def _names(trained: Iterable[str]) -> None:
    """Names that stand for an order of the ranker's beside those of the models."""
    from components.core.schema import RANKER
    from components.evaluation.nominees import SET_ASIDE, STAND_IN

    for name in sorted({RANKER, SET_ASIDE, STAND_IN} & set(trained)):
        raise ConfigError(f"{PARAMS_FILE}: models.{name}: this name means the ranker itself; give the model another.")


def _candidates(names: list[str], trained: Iterable[str]) -> None:
    from components.ranking.hybrid import FALLBACK

    if FALLBACK not in trained:
        raise ConfigError(
            f"{PARAMS_FILE}: models: '{FALLBACK}' is missing; add `{FALLBACK}: {{component: {FALLBACK}}}`, it fills "
            "lists that run short."
        )
    _known("rank.candidates", "model", names, trained)
    if FALLBACK not in names:
        raise ConfigError(
            f"{PARAMS_FILE}: rank.candidates: '{FALLBACK}' is missing; add it, it fills lists that run short."
        )


def _compared(evaluate: Any, beat: Mapping[str, list[str]], trained: Iterable[str]) -> None:
    """Slices and the gate speak of models that were measured, so they must be among evaluate.models."""
    _known("evaluate.models", "model", evaluate.models, trained)
    _known("evaluate.slice_baseline", "model of evaluate.models", [evaluate.slice_baseline], evaluate.models)
    for view, names in beat.items():
        _known(f"gate.beat.{view}", "model of evaluate.models", names, evaluate.models)


def _perturbations(chosen: Mapping[str, Any]) -> None:
    _known("stress.perturbations", "perturbation", chosen, PERTURBATIONS.names())
    for name, config in chosen.items():
        _options(PERTURBATIONS, f"stress.perturbations.{name}", name, config.params)


def _options(registry: Registry, where: str, component: str, params: dict[str, Any]) -> None:
    _known(f"{where}.component", registry.kind, [component], registry.names())
    parse(registry.get(component).Config, params, f"{PARAMS_FILE}: {where}.params")


def _known(where: str, kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    """ConfigError on a name that is not known, or comes twice."""
    known = sorted(known)
    for name, times in Counter(list(names)).items():
        if name not in known:
            raise ConfigError(f"{PARAMS_FILE}: {where}: unknown {kind} '{name}'; {did_you_mean(name, known)}")
        if times > 1:
            raise ConfigError(f"{PARAMS_FILE}: {where}: '{name}' is there {times} times; name it once.")
