"""Put a fold's trained parts together as one Hybrid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from components.core import bundle, layout, rng
from components.core.dataset import Dataset
from components.core.errors import ConfigError
from components.core.model import Model
from components.core.model import load as load_model
from components.ranking.context import load_context
from components.ranking.hybrid import FALLBACK, Hybrid
from components.ranking.lambdamart import Lambdamart
from components.ranking.nominee import led_by, stand_in_of
from components.retrieval.retrieval import Retrieval, RetrievalConfig

CHOICE = "choice.json"  # which models propose, how many items each, how they are asked, and the ranker's stand-in


def load_models(root: Path, fold: str, names: list[str]) -> dict[str, Model]:
    """The trained bundles of one fold, by their names in params.yaml."""
    return {name: load_model(root / layout.MODELS / name / fold) for name in names}


def untrained_hybrid(
    root: Path, fold: str, data: Dataset, names: list[str], per_model: int, asked: RetrievalConfig
) -> Hybrid:
    """Candidates and features of a fold, with no ranker yet; models of a large catalogue are indexed here.

    Raises ConfigError if "popularity" is not among the names.
    """
    if FALLBACK not in names:
        raise ConfigError(f"params.yaml: rank.candidates: '{FALLBACK}' is missing; it fills lists that run short.")
    models = load_models(root, fold, names)
    retrieval = Retrieval.make(models, data.histories, asked, rng.stream(0, "retrieval"))
    return Hybrid(models, load_context(root, fold, data), None, per_model, retrieval)


def trained_hybrid(root: Path, fold: str, data: Dataset) -> Hybrid:
    """The recommender of a fold as `rank` left it: its models and features, and the one ranker."""
    folder = root / layout.RANKER
    bundle.verify(folder)
    choice = bundle.read_json(folder / CHOICE)
    asked = RetrievalConfig(**choice.get("retrieval", {}))
    hybrid = untrained_hybrid(root, fold, data, choice["models"], choice["candidates_per_model"], asked)
    return replace(hybrid, ranker=Lambdamart.load(folder))


def load_hybrid(root: Path, fold: str, data: Dataset) -> Hybrid:
    """The recommender of a fold as it is judged and released: `trained_hybrid`, or its stand-in's order in its place.

    Raises  BundleError if `evaluate` decided between them for another ranker
    """
    hybrid = trained_hybrid(root, fold, data)
    stand_in = stand_in_of(root)
    return hybrid if stand_in is None else replace(hybrid, ranker=led_by(hybrid.ranker, stand_in))
