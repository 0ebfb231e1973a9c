"""What sections of params.yaml may leave out because it follows from the models that are trained.

A new shop names its models once; who proposes, who is compared and who must be beaten is then said here.
"""

from __future__ import annotations

from typing import Any

from components.evaluation.protocol import ALL, NEW

USUAL_BASELINE = "household_recency"
POPULARITY = "popularity"
REPEATING = "household"  # the component that only knows what a user had before
FLOORS_FOR_NEW = (POPULARITY, "item_knn")  # components that any ranker must exceed on items new to a user


def filled(section: str, values: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
    """The values of a section, with what it leaves to the trained models.

    section  "rank", "evaluate", "stress" or "gate"; others are given back as they are
    params   the whole parameter file; its `models` are names with a component each
    """
    return _left_out(section, params, _components(params)) | values


def baseline(params: dict[str, Any]) -> str:
    """The simple model that is shown beside the ranker: what users had before, else the first personal one."""
    components = _components(params)
    if USUAL_BASELINE in components:
        return USUAL_BASELINE
    personal = [name for name, component in components.items() if component != POPULARITY]
    repeating = [name for name in personal if components[name] == REPEATING]
    return next(iter([*repeating, *personal, *components]))


def _components(params: dict[str, Any]) -> dict[str, str]:
    return {name: model["component"] for name, model in params["models"].items()}


def _left_out(section: str, params: dict[str, Any], components: dict[str, str]) -> dict[str, Any]:
    if section == "rank":
        return {"candidates": list(components)}
    if section == "evaluate":
        return {"models": list(components), "slice_baseline": baseline(params)}
    if section == "stress":
        return {"baseline": baseline(params)}
    return {"beat": _to_beat(_compared(params, components))} if section == "gate" else {}


def _compared(params: dict[str, Any], components: dict[str, str]) -> dict[str, str]:
    """Only what was measured can be beaten."""
    chosen = (params.get("evaluate") or {}).get("models", list(components))
    return {name: components[name] for name in chosen if name in components}


def _to_beat(components: dict[str, str]) -> dict[str, list[str]]:
    """View → names: the user's own habits over all items, the simplest strangers' advice over new ones."""
    habits = [name for name, component in components.items() if component == REPEATING]
    floors = [name for name, component in components.items() if component in FLOORS_FOR_NEW]
    known = list(components)
    return {view: names for view, names in ((ALL, habits or floors or known), (NEW, floors)) if names}
