"""train: one model, one configuration, fitted on every fold's own history."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from components.core import bundle, layout, rng
from components.core.config import Config, parse
from components.core.content import ItemContent
from components.core.errors import BundleError
from components.core.model import Model
from components.core.registry import MODELS
from components.core.vocabulary import Vocabulary
from components.data.engine import EngineConfig
from components.features import content
from components.metrics.calibration import FORETOLD, HAPPENED
from components.ranking.context import VECTORS
from components.report import figures
from components.splits import store
from components.steps.result import StepResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CURVES_FILE, RELIABILITY_FILE = "curves.png", "reliability.png"
GAIN = "_gain"  # ends the names of curves where more is better
PANELS = {"loss, nats": False, "gain, more is better": True}  # words: of gains
# Curves that are not of the epochs: the parts of a reliability curve, and measures of one value.
OF_CLICKS = (FORETOLD, HAPPENED, "calibration_error", "log_loss", "log_loss_of_the_mean")


class TrainConfig(Config):
    """name: the model's own, in params.yaml and on disk; component: a registered model; params: its options.

    engine  where a model that is `distributed` is fitted; all others are fitted here
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    component: str
    params: dict[str, Any] = Field(default_factory=dict)
    engine: EngineConfig = Field(default_factory=EngineConfig)


def train(config: TrainConfig, root: Path, seed: int) -> StepResult:
    """Fit one model per fold; the folds share nothing but the configuration.

    Reads   split/<fold>/dataset/; for a model that uses content, features/<fold>/content/ and reduced/<fold>/
    Writes  models/<name>/<fold>/ (model bundles), and models/<name>/curves.png where the model learns by epochs;
            models/<name>/reliability.png where it learns clicks;
            training/<name>/<fold>/: TensorBoard logs, and the checkpoint from which the run after a kill goes on
    """
    folder = root / layout.MODELS / config.name
    metrics: dict[str, float] = {}
    curves: dict[str, list[float]] = {}
    remarks: dict[str, str] = {}
    with bundle.replacing(folder) as fresh:
        for fold in layout.FOLDS:
            source = root / layout.SPLIT / fold / store.DATASET
            data = replace(store.load_dataset(source), fold=fold)
            started = time.perf_counter()
            model = _model(config)
            if model.capabilities.uses_content:
                data = replace(data, content=_content(root, fold, data.items))
            model.journal_folder = root / layout.TRAINING / config.name / fold
            model.fit(data, rng.stream(seed, "train", config.name, fold))
            metrics[f"{fold}_fit_seconds"] = time.perf_counter() - started
            model.save(fresh / fold, name=config.name, fold=fold, seed=seed, dataset_digest=bundle.digest(source))
            remarks |= {f"{fold}_remarks": "; ".join(model.remarks())} if model.remarks() else {}
            curves |= {f"{fold}_{curve}": values for curve, values in model.curves().items()}
        if curves:
            _draw(curves, config.name, fresh)
    metrics["megabytes"] = sum(f.stat().st_size for f in folder.rglob("*.safetensors")) / 1e6 / len(layout.FOLDS)
    artifacts = tuple(folder / name for name in (CURVES_FILE, RELIABILITY_FILE) if (folder / name).is_file())
    for fold, words in remarks.items():
        logging.getLogger(__name__).warning("%s: %s", fold, words)
    summary = "; ".join((_summary(config, metrics), *remarks.values()))
    return StepResult(summary, metrics, curves, artifacts, {"component": config.component} | remarks)


def _content(root: Path, fold: str, items: Vocabulary) -> ItemContent:
    """What the items of a fold's dataset are: attributes, title words, and the reduced text as vectors."""
    reduced = bundle.read(root / layout.REDUCED / fold)
    if reduced.vocabularies["items"] != items:
        raise BundleError(f"{root / layout.REDUCED / fold}: of another catalogue; run the reduce step again.")
    return content.load(root / layout.FEATURES / fold / content.FOLDER, items, reduced.arrays[VECTORS])


def _model(config: TrainConfig) -> Model:
    cls = MODELS.get(config.component)
    model = cls(parse(cls.Config, config.params, f"params.yaml: models.{config.name}.params"))
    model.engine = config.engine
    return model


def _draw(curves: Mapping[str, Sequence[float]], name: str, folder: Path) -> None:
    """The curves over the epochs; where the model foretells clicks, how true that is, of the last fold."""
    over_epochs = {name: values for name, values in curves.items() if not name.endswith(OF_CLICKS)}
    _draw_epochs(over_epochs, name).savefig(folder / CURVES_FILE)
    halves = [values for part in (FORETOLD, HAPPENED) for name, values in curves.items() if name.endswith(part)]
    if halves:
        foretold, happened = halves[len(halves) // 2 - 1], halves[-1]
        title = f"{name}: exposures that were kept back"
        figures.reliability(foretold, happened, title, "click", "exposures").savefig(folder / RELIABILITY_FILE)


def _draw_epochs(curves: Mapping[str, Sequence[float]], name: str) -> Figure:
    """Losses, and beside them gains, where there are any: they are of other sizes."""
    epochs = range(1, max(map(len, curves.values())) + 1)
    panels = {words: {c: v for c, v in curves.items() if c.endswith(GAIN) == gains} for words, gains in PANELS.items()}
    panels = {words: series for words, series in panels.items() if series}
    figure = figures.new_figure(width=figures.WIDTH_IN * len(panels))
    for position, (words, series) in enumerate(panels.items(), start=1):
        ax = figures.new_axes(figure, f"Training of {name}", "epoch", words, 1, len(panels), position)
        figures.draw_curves(ax, epochs, series)
        ax.locator_params(axis="x", integer=True)
    return figures.with_fonts(figure)


def _summary(config: TrainConfig, metrics: Mapping[str, float]) -> str:
    seconds = sum(metrics[f"{fold}_fit_seconds"] for fold in layout.FOLDS)
    return (
        f"{config.component} fitted on {len(layout.FOLDS)} folds in {seconds:.1f} s, {metrics['megabytes']:.1f} MB each"
    )
