"""What NeuMF, FM and DeepFM share: a user's pooled history against every item, in numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from components.core.dataset import Dataset, Histories
from components.core.errors import DataError
from components.core.logistic import chance
from components.core.model import Capabilities
from components.core.space import REPEAT_WEIGHT, Choice, Floats
from components.deep._catalogue_model import CatalogueConfig, CatalogueModel
from components.deep._clicks import ClickPasts, split_by_time, weights_of
from components.deep._numpy_layers import Weights, dense
from components.deep._pools import Pools, pools_of
from components.metrics.calibration import FORETOLD, HAPPENED, expected_calibration_error, log_loss, reliability

if TYPE_CHECKING:
    from components.core.exposures import Exposures
    from components.deep._early_stopping import Trainer

HOUR_S, DAY_S, WEEK_DAYS, HOURS = 3600, 86_400, 7, 24
CLICK = "click"
FEW_CLICKS = 50  # held out; with fewer the calibration says little
CALIBRATED_SHARE = 0.5  # of the exposures that are kept back; the earlier ones choose the epoch
SHOWN_AT_ONCE = 256  # exposures whose logits of the whole catalogue are in memory at once
NEGATIVES_OF_PAIRS = Choice((64, 128, 256, 2048))  # few: with a hidden layer every pair of them is a pass of its own
USERS_AT_ONCE = 4  # whose hidden layer over the whole catalogue is in memory at once; few enough for the cache


Width = Annotated[int, Field(ge=1, le=2048)]  # of a hidden layer


class PairConfig(CatalogueConfig):
    """How a history is read, and what is to be learned from it.

    max_length     baskets of a history that are read, the last ones
    basket_decay   weight of a basket against the one after it
    examples       baskets of a user to be foretold per epoch, at most
    repeat_weight  weight of a target the user had bought before, against 1 for a first buy
    objective      `softmax` over the sampled items, or `bce`: binary cross-entropy of bought against sampled items,
                   corrected for how they are sampled, so that exp(logit) is the probability that the next basket
                   holds the item, and `repeat_weight` does nothing; or `click`: binary cross-entropy of clicked or
                   not, of what the shop showed and nothing else; `negatives`, `examples` and `repeat_weight` do
                   nothing then, and of the last exposures the earlier ones choose the epoch
    propensity     with `click`: `ignore`, or `inverse`: an exposure counts 1 / propensity, so that items count as if
                   all had been shown equally often
    max_weight     of an exposure, against the noise of small propensities
    context        what is known of the moment besides the history: hour and weekday, in UTC
    """

    space: ClassVar = CatalogueConfig.space | {
        "basket_decay": Floats(0.2, 1.0),
        "repeat_weight": REPEAT_WEIGHT,
        "negatives": NEGATIVES_OF_PAIRS,
    }
    max_length: int = Field(default=20, ge=1, le=1000)
    basket_decay: float = Field(default=0.6, gt=0, le=1)
    examples: int = Field(default=20, ge=1)
    repeat_weight: float = Field(default=0.2, gt=0, le=1)
    objective: Literal["softmax", "bce", "click"] = "softmax"
    propensity: Literal["ignore", "inverse"] = "ignore"
    max_weight: float = Field(default=20, ge=1)
    context: tuple[Literal["hour", "weekday"], ...] = ()
    dropout: float = Field(default=0.2, ge=0, lt=1)
    batch_size: int = Field(default=512, ge=1)

    @model_validator(mode="after")
    def _clicks_are_not_fitted_again(self) -> PairConfig:
        if self.objective == CLICK and self.refit:
            raise ValueError(
                "refit must be false where objective is click: calibration is measured on what is kept back"
            )
        return self


@dataclass(frozen=True)
class Form:
    """What tells the models apart.

    hidden   sizes of the two hidden layers of the network over a user's and an item's vectors; empty: there is none
    shared   that network reads the vectors of the product instead of its own
    weighed  the product's terms have weights of their own
    """

    hidden: tuple[int, ...] = ()
    shared: bool = True
    weighed: bool = False


class PairModel(CatalogueModel):
    """logit = user · item + biases + network(user, item); a user is the pooled vectors of his history."""

    capabilities: ClassVar[Capabilities] = Capabilities(uses_order=True)
    config: PairConfig

    @property
    def form(self) -> Form:
        """What the network consists of."""
        return Form()

    def parameters(self, n_users: int, n_items: int) -> float:
        """Vectors of an item as a past and as a target, for the network too where it has its own."""
        own = 2 if self.form.shared or not self.form.hidden else 4
        return n_items * (own * self.config.embedding_size + 2.0)

    def step_cells(self, negatives: int) -> float:
        """A logit for every pair, and the hidden layers that it comes from."""
        return super().step_cells(negatives) * (1 + 2 * sum(self.form.hidden))

    def catalogue_cells(self, n_users: int, n_items: int) -> float:
        """Every item with its attributes, and its half of the first layer."""
        return n_items * (2.0 * self.config.embedding_size + sum(self.form.hidden[:1]))

    def trainer(self, data: Dataset, rng: np.random.Generator) -> Trainer:
        """Vectors start as the leading directions of who bought what.

        Raises DataError where clicks are to be learned and none are there.
        """
        if self.config.objective == CLICK:
            from components.deep._click_training import ClickTrainer

            return ClickTrainer(data, self._clicks(data), self.form, self.config, rng)
        from components.deep._pair_training import PairTrainer

        return PairTrainer(data, self.form, self.config, rng)

    def kept_back(self, data: Dataset, rng: np.random.Generator) -> tuple[Dataset, Callable[[], float]] | None:
        """With clicks, the last exposures and all events since; the gain is the log likelihood of their first half."""
        if self.config.objective != CLICK:
            return super().kept_back(data, rng)
        earlier, chooses, _ = self._parted(data)
        if not len(chooses):
            return None
        weights = weights_of(chooses, self.config)
        past = replace(data, exposures=earlier, histories=_before(data.histories, chooses))
        return past, lambda: -log_loss(self.click_probabilities(data.histories, chooses), chooses.clicked, weights)

    def _clicks(self, data: Dataset) -> Exposures:
        if data.exposures is None or not data.exposures.clicked.any():
            n = 0 if data.exposures is None else len(data.exposures)
            raise DataError(
                f"{self.component()}: objective: click learns from what was shown and clicked, and the data set has "
                f"{n} exposures and no click on any; give a source with exposures (open_bandit), or set objective: bce."
            )
        return data.exposures

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        super()._fit(data, rng)
        if self.config.objective != CLICK:
            return
        _, chooses, measures = self._parted(data)
        if len(chooses) and len(measures):
            self._calibrate(data.histories, measures)
        elif self.config.validation_share:
            self._remarks.append(
                f"{self.component()}: all exposures were learnt from, so how true the probabilities are is not told; "
                "bring exposures of several moments, with clicks among the earlier ones"
            )

    def _parted(self, data: Dataset) -> tuple[Exposures, Exposures, Exposures]:
        """Exposures to learn from, those that choose the epoch, those that calibration is measured on.

        The latter two are empty where what is earlier has no click or no event: then all are learnt from.
        """
        shown = self._clicks(data)
        earlier, later = split_by_time(shown, self.config.validation_share)
        chooses, measures = split_by_time(later, CALIBRATED_SHARE)
        if len(chooses) and earlier.clicked.any() and len(_before(data.histories, chooses).items):
            return earlier, chooses, measures
        nobody = shown.keep(np.zeros(len(shown), dtype=bool))
        return shown, nobody, nobody

    def _calibrate(self, histories: Histories, later: Exposures) -> None:
        """Curves of one value, and of one per bin, on exposures that nothing was learned from or chosen by.

        log_loss_of_the_mean is what their own mean rate would reach, which nobody knew before.
        """
        weights = weights_of(later, self.config)
        found = self.click_probabilities(histories, later)
        curve = reliability(found, later.clicked, weights=weights)
        share = np.full(len(later), np.average(later.clicked, weights=weights))
        self._curves |= {
            "calibration_error": [expected_calibration_error(curve)],
            "log_loss": [log_loss(found, later.clicked, weights)],
            "log_loss_of_the_mean": [log_loss(share, later.clicked, weights)],
            FORETOLD: curve.foretold.tolist(),
            HAPPENED: curve.happened.tolist(),
        }
        if later.clicked.sum() < FEW_CLICKS:
            self._remarks.append(
                f"{self.component()}: {later.clicked.sum()} clicks among the {len(later)} exposures kept back; the "
                f"calibration says little with fewer than {FEW_CLICKS}"
            )

    def logits(self, histories: Histories) -> np.ndarray:
        """From `self.weights`; see `PairNetwork.weights` for the arrays."""
        pools = pools_of(histories, (self.config.basket_decay,), self.config.max_length)
        return self._logits(pools, np.array([histories.now]))

    def _logits(self, pools: Pools, times: np.ndarray) -> np.ndarray:
        w = self.weights
        user = pools.sums(w["history_embeddings"]) + context_of(times, w)
        logits = user @ w["item_vectors"].T + w["item_biases"] + pools.sums(w["history_biases"][:, None])
        if not self.form.hidden:
            return logits
        own = pools.sums(w["deep_history"]) if "deep_history" in w else user
        return logits + _network(own @ w["user_first"], w)

    def click_probabilities(self, histories: Histories, shown: Exposures) -> np.ndarray:
        """float64 (n,): how probable it was that each exposure is clicked, in its place, by what was known then.

        histories  those that the rows of `shown` count
        """
        pasts, places = ClickPasts(histories, self.config), self.weights["position_biases"]
        found = [np.zeros(0)]
        for begin in range(0, len(shown), SHOWN_AT_ONCE):
            part = shown.keep(np.arange(begin, min(begin + SHOWN_AT_ONCE, len(shown))))
            logits = self._logits(pasts.of(part), part.times)[np.arange(len(part)), part.items]
            found.append(chance(logits + places[np.minimum(part.positions, len(places)) - 1]))
        return np.concatenate(found)


def _before(histories: Histories, kept: Exposures) -> Histories:
    """The histories until the first of some exposures: a click that is kept back is an event of a history, too."""
    return histories.keep(histories.times < kept.times.min())


def context_of(times: np.ndarray, weights: Weights) -> np.ndarray:
    """float32 (n, d): sum of the vectors of the hour and the weekday of times (n,), those there are; or 0."""
    total = np.zeros((len(times), weights["item_vectors"].shape[1]), dtype=np.float32)
    for name, at in moments(times).items():
        if name in weights:
            total += weights[name][at]
    return total


def moments(times: np.ndarray) -> dict[str, np.ndarray]:
    """Hour 0 … 23 and weekday 0 … 6 (Monday is 0) of unix seconds, in UTC."""
    return {"hour": times // HOUR_S % HOURS, "weekday": (times // DAY_S + 3) % WEEK_DAYS}


def _network(users: np.ndarray, w: Weights) -> np.ndarray:
    """float32 (n, n_items): two hidden layers over every pair, from the halves of the first."""
    out = np.empty((len(users), len(w["item_first"])), dtype=np.float32)
    for start in range(0, len(users), USERS_AT_ONCE):
        part = slice(start, start + USERS_AT_ONCE)
        hidden = np.maximum(users[part, None] + w["item_first"], 0)
        hidden = np.maximum(dense(hidden, w, "second"), 0)
        out[part] = (hidden @ w["last.kernel"])[..., 0]
    return out
