"""Repeat purchase: which of the items bought before is due again, from the user's own cadence and recency.

Use it as the floor for "buy it again" wherever shoppers repeat themselves; it says nothing about items a user never
bought. A logistic regression weighs how often, how lately and against which usual gap (the user's own, drawn to the
item's where purchases are few) an item was bought. It is fitted on what the same users bought again in the last
`horizon_days` of the history, foretold from the time before.
Cost: one pass over the events and a regression on at most `max_pairs` pairs; seconds for a million events.
Source: the features are those of Bhagat et al. 2018 (doi:10.1145/3219819.3219891) and Anderson et al. 2014
(doi:10.1145/2566486.2568018); the regression over them is our own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.cf._recency import baskets_of
from components.cf._repeat_features import ItemRhythm, features_of, pairs_of, rhythm_of
from components.core.config import Config
from components.core.dataset import DAY_S, Dataset, Histories
from components.core.forms import SparseModel
from components.core.model import Capabilities
from components.core.space import Floats

STEPS = 25  # of Newton's method, which is there after six or so
LARGEST_LOGIT = 30.0


class RepeatPurchaseConfig(Config):
    """horizon_days is the time that is foretold, in fitting; None foretells the user's next basket instead.

    max_pairs bounds the regression; regularization is its ridge, in pairs.
    """

    space: ClassVar = {"regularization": Floats(1, 1000, log=True)}
    horizon_days: float | None = Field(default=28, gt=0)
    max_pairs: int = Field(default=300_000, ge=100)
    regularization: float = Field(default=10, gt=0)


class RepeatPurchase(SparseModel):
    """Probability that the user buys the item again."""

    version = 1
    Config = RepeatPurchaseConfig
    capabilities = Capabilities(uses_order=True, uses_time=True, scores_unseen=False)

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        histories = data.histories
        pairs = pairs_of(histories)
        self._rhythm = rhythm_of(pairs, self.n_items)
        size = features_of(pairs, self._rhythm, _baskets(histories)).shape[1]
        self._mean, self._scale = np.zeros(size), np.ones(size)
        self._weights = np.zeros(1 + size + size * (size + 1) // 2)
        self._weights[1] = 1.0  # nothing to learn from: as the shortest memory says
        earlier, later = _cut(histories, self.config.horizon_days)
        self._learn(earlier, later)

    def _learn(self, earlier: Histories, later: Histories) -> None:
        """Weights of the features of `earlier` for what `later` repeats of it."""
        pairs = pairs_of(earlier)
        if not len(pairs.rows):
            return
        bought = later.matrix(self.n_items, binary=True)
        again = np.asarray(bought[pairs.rows, pairs.items]).ravel() > 0
        active = np.diff(bought.indptr)[pairs.rows] > 0  # who bought nothing at all says nothing about the item
        users = np.unique(pairs.rows[active])
        every = max(1, int(np.ceil(active.sum() / self.config.max_pairs)))
        chosen = active & np.isin(pairs.rows, users[::every])
        if not chosen.any() or again[chosen].all() or not again[chosen].any():
            return
        features = features_of(pairs, rhythm_of(pairs, self.n_items), _baskets(earlier))[chosen]
        self._mean, self._scale = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-6)
        self._weights = logistic(self._design(features), again[chosen], self.config.regularization)

    def _design(self, features: np.ndarray) -> np.ndarray:
        """float64 (pairs, columns): 1, the features in standard units, and their products in pairs."""
        units = np.clip((features - self._mean) / self._scale, -5, 5)
        left, right = np.triu_indices(units.shape[1])
        return np.hstack((np.ones((len(units), 1)), units, units[:, left] * units[:, right]))

    def evidence(self, histories: Histories) -> sp.csr_matrix:
        """Probability per item of the history; 0 for what was never bought."""
        pairs = pairs_of(histories)
        logits = self._design(features_of(pairs, self._rhythm, _baskets(histories))) @ self._weights
        chances = (1 / (1 + np.exp(-np.clip(logits, -LARGEST_LOGIT, LARGEST_LOGIT)))).astype(np.float32)
        return sp.csr_matrix((chances, (pairs.rows, pairs.items)), shape=(len(histories), self.n_items))

    def state(self) -> dict[str, np.ndarray]:
        """The regression in float64, and the items' rhythm, float32 (n_items,) each."""
        rhythm = {name: getattr(self._rhythm, name) for name in ("repeats", "gap", "buyers")}
        return {"weights": self._weights, "feature_mean": self._mean, "feature_scale": self._scale} | rhythm

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the regression and the rhythm."""
        self._weights, self._mean, self._scale = arrays["weights"], arrays["feature_mean"], arrays["feature_scale"]
        self._rhythm = ItemRhythm(arrays["repeats"], arrays["gap"], arrays["buyers"])


def _baskets(histories: Histories) -> np.ndarray:
    return np.bincount(histories.rows[histories.basket_starts], minlength=len(histories))


def _cut(histories: Histories, horizon_days: float | None) -> tuple[Histories, Histories]:
    """Histories before and after the moment from which the fit foretells: days before `now`, or the last basket."""
    if horizon_days is None:
        baskets = baskets_of(histories)
        late = baskets.since[baskets.of_event] == 0
        return histories.keep(~late), histories.keep(late)
    border = int(histories.now - horizon_days * DAY_S)
    late = histories.times >= border
    return replace(histories.keep(~late), now=border), histories.keep(late)


def logistic(design: np.ndarray, outcome: np.ndarray, ridge: float) -> np.ndarray:
    """Ridge logistic regression by Newton's method; the first column is the constant and is not held back.

    design  float64 (rows, columns); outcome bool (rows,)
    """
    weights = np.zeros(design.shape[1])
    weights[0] = np.log(outcome.mean() / (1 - outcome.mean()))
    penalty = np.full(len(weights), float(ridge))
    penalty[0] = 0
    loss = np.inf
    step = np.zeros_like(weights)
    for _ in range(STEPS):
        logits = design @ (weights + step)
        now = np.logaddexp(0, logits).sum() - logits[outcome].sum() + 0.5 * penalty @ (weights + step) ** 2
        if now > loss:  # too far
            step /= 2
            continue
        weights = weights + step
        if loss - now < 1e-9 * abs(now):
            break
        loss = now
        chance = 1 / (1 + np.exp(-np.clip(logits, -LARGEST_LOGIT, LARGEST_LOGIT)))
        slope = design.T @ (outcome - chance) - penalty * weights
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curvature, slope)
    return weights
