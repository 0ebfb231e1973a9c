"""The epochs of a model that scores the whole catalogue: the best one by later events is kept, the clock is minded."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from components.core.dataset import Dataset
from components.core.errors import DataError
from components.core.progress import track
from components.deep._later import NOTHING_LATER
from components.deep._numpy_layers import Weights

if TYPE_CHECKING:
    import keras

    from components.deep._catalogue_model import CatalogueConfig, CatalogueModel
    from components.deep._journal import Journal

TRAIN_LOSS, GAIN = "train_loss", "validation_gain"
AGAIN = "_refit"  # ends the names of what the second training of a refit keeps
NOTHING = "training: no user has baskets at two moments, so there is nothing to learn from; bring more history."


class Trainer(Protocol):
    """A network under training."""

    def epoch(self, deadline: float) -> float:
        """One pass over the data, or what there is time for, one step at least; the mean loss in nats."""

    def weights(self) -> Weights:
        """All that the model's `logits` needs."""

    @property
    def state(self) -> list[keras.Variable]:
        """All variables that a checkpoint has to hold, in an order that does not change."""


@dataclass
class Fitted:
    """The weights of the best epoch, what was seen on the way, and what a person should know."""

    weights: Weights = field(default_factory=dict)
    curves: dict[str, list[float]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def fit(model: CatalogueModel, data: Dataset, rng: np.random.Generator) -> Fitted:
    """Train on the past, keep the epoch that foretells the later events best; with `refit`, once more on everything.

    With a journal folder a checkpoint and TensorBoard's logs are kept, and a fit that was killed goes on from there.
    Raises DataError where there is nothing to learn from, or a loss is not finite: no NaN leaves this function.
    """
    if not len(data.histories.items):
        raise DataError(NOTHING)
    journals = _journals(model, data, rng)
    fitted = _fit(model, data, rng, [*journals, None, None])
    for journal in journals:
        journal.close()
    return fitted


def _journals(model: CatalogueModel, data: Dataset, rng: np.random.Generator) -> list[Journal]:
    """Of the training, and of the second one of a refit; none without a folder."""
    if model.journal_folder is None:
        return []
    from components.deep._journal import Journal, key_of

    key = key_of(model, data, rng)
    return [Journal(model.journal_folder, key, part) for part in ("", AGAIN)[: 1 + model.config.refit]]


def _fit(model: CatalogueModel, data: Dataset, rng: np.random.Generator, journals: list[Journal | None]) -> Fitted:
    config, started = model.config, time.monotonic()
    draw, first, second = rng.spawn(3)
    deadline = model.deadline()
    kept_back = model.kept_back(data, draw)
    if kept_back is None:
        remarks = [NOTHING_LATER] if config.validation_share else []
        return _all_epochs(model, data, config.epochs, deadline, first, Fitted(remarks=remarks), journals[0])
    fitted = _best_epoch(model, *kept_back, deadline, first, journals[0])
    if not config.refit or fitted.remarks:
        return fitted
    gains = fitted.curves[GAIN]
    best = 1 + int(np.argmax(gains))
    if (time.monotonic() - started) * best / len(gains) > deadline - time.monotonic():
        fitted.remarks.append(f"no time left to fit again on all events; {model.more_time()}")
        return fitted
    return _all_epochs(model, data, best, deadline, second, Fitted(curves={GAIN: gains}), journals[1])


def _best_epoch(
    model: CatalogueModel,
    past: Dataset,
    gain: Callable[[], float],
    deadline: float,
    rng: np.random.Generator,
    journal: Journal | None,
) -> Fitted:
    config, trainer = model.config, model.trainer(past, rng)
    curves, weights = journal.resume(trainer.state, rng) if journal else ({}, {})
    fitted = Fitted(weights, {TRAIN_LOSS: [], GAIN: []} | curves)
    gains = fitted.curves[GAIN]
    for epoch in track(range(len(gains) + 1, config.epochs + 1), "training epochs"):
        if _since_best(gains) >= config.patience:
            break
        fitted.curves[TRAIN_LOSS].append(_finite(trainer.epoch(deadline), epoch, config))
        model.weights = trainer.weights()
        gains.append(gain())
        if _since_best(gains) == 0:
            fitted.weights = model.weights
        if time.monotonic() > deadline:
            fitted.remarks.append(model.stopped(epoch))
            break
        if journal:
            journal.save(trainer.state, fitted.weights, fitted.curves, rng)
    return fitted


def _since_best(gains: list[float]) -> int:
    """Epochs since the best one; 0 where there was none."""
    return len(gains) - 1 - int(np.argmax(gains)) if gains else 0


def _all_epochs(
    model: CatalogueModel,
    data: Dataset,
    epochs: int,
    deadline: float,
    rng: np.random.Generator,
    fitted: Fitted,
    journal: Journal | None,
) -> Fitted:
    trainer = model.trainer(data, rng)
    curves, _ = journal.resume(trainer.state, rng) if journal else ({}, {})
    losses = fitted.curves[TRAIN_LOSS] = curves.get(TRAIN_LOSS, [])
    for epoch in track(range(len(losses) + 1, epochs + 1), "training epochs"):
        losses.append(_finite(trainer.epoch(deadline), epoch, model.config))
        if time.monotonic() > deadline:
            fitted.remarks.append(model.stopped(epoch))
            break
        if journal:
            journal.save(trainer.state, {}, {TRAIN_LOSS: losses}, rng)
    fitted.weights = trainer.weights()
    return fitted


def _finite(loss: float, epoch: int, config: CatalogueConfig) -> float:
    if not np.isfinite(loss):
        raise DataError(
            f"training: in epoch {epoch} the loss is {loss:g}; lower learning_rate ({config.learning_rate:g}) or "
            "bring more history."
        )
    return loss


def epoch_of(
    step: Callable[..., float], batches: object, deadline: float, agreed: Callable[[bool], bool] = bool
) -> float:
    """Mean loss of the batches there was time for, one at least; DataError where there is none.

    agreed  what all processes that train together make of "it is late", said by one
    """
    losses = []
    for batch in batches:
        losses.append(float(step(*batch)))
        if agreed(time.monotonic() > deadline):
            break
    if not losses:
        raise DataError(NOTHING)
    return float(np.mean(losses))
