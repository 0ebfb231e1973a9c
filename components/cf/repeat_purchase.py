"""Repeat purchase: which of the items bought before is due again, from the user's own cadence and recency.

Use it as the floor for "buy it again" wherever shoppers repeat themselves; it says nothing about items a user never
bought. A logistic regression weighs how often, how lately and against which usual gap (the user's own, drawn to the
item's where purchases are few) an item was bought, how its sales go lately, and how lately the user came. It is fitted
on what the same users bought again in the last `horizon_days` of the history, foretold from the time before, and in the
`windows` before those likewise: one window alone teaches what was special about it.
Cost: a pass over the events per window and a regression on at most `max_pairs` pairs; ten seconds for a million events.
Source: the features are those of Bhagat et al. 2018 (doi:10.1145/3219819.3219891) and Anderson et al. 2014
(doi:10.1145/2566486.2568018); the regression over them is our own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from components.cf._repeat_features import (
    DEMAND_DAYS,
    ItemRhythm,
    Pairs,
    demand_of,
    features_of,
    habits_of,
    pairs_of,
    rhythm_of,
)
from components.core.baskets import baskets_of
from components.core.config import Config
from components.core.dataset import DAY_S, Dataset, Histories
from components.core.forms import SparseModel
from components.core.logistic import chance, logistic
from components.core.memory import DOUBLE, Part
from components.core.model import Capabilities
from components.core.space import Choice, Floats, Ints

N_FEATURES = 13 + 1 + len(DEMAND_DAYS) + 3  # columns of features_of
PAIR_BYTES = 240  # of an event: the pair's order, ages and features, as seen with a million events
DESIGN_COPIES = 3  # both factors of the products, and the products
LATE = 2  # column of Pairs.decayed: the half-life by which a user's items are chosen to learn from


class RepeatPurchaseConfig(Config):
    """horizon_days is the time that is foretold, in fitting. None foretells the user's next basket, seen from the
    end of the data: where last baskets are held out and asked for at that end (leave-last-basket), how long a user
    stays away says something; asked at another moment, its probabilities are not true.

    windows is how many such times, one before the other, are foretold; pairs_per_user bounds how many of a user's items
    are learnt from, those bought most of late; max_pairs bounds the regression; regularization is its ridge, in pairs.
    """

    space: ClassVar = {
        "horizon_days": Choice((None, 7, 14, 28, 36, 56)),
        "regularization": Floats(1, 1000, log=True),
        "windows": Ints(1, 6),
    }
    horizon_days: float | None = Field(default=28, gt=0)
    windows: int = Field(default=3, ge=1, le=52)
    pairs_per_user: int = Field(default=100, ge=1)
    max_pairs: int = Field(default=180_000, ge=100)
    regularization: float = Field(default=10, gt=0)


class RepeatPurchase(SparseModel):
    """Probability that the user buys the item again."""

    version = 2
    Config = RepeatPurchaseConfig
    capabilities = Capabilities(uses_order=True, uses_time=True, scores_unseen=False)

    def memory(self, data: Dataset) -> list[Part]:
        """Of one window's pairs with their features, and of the regression's products of features."""
        config, events = self.config, len(data.histories.items)
        learnt = min(events, len(data.users) * config.pairs_per_user) * config.windows
        design = DOUBLE * DESIGN_COPIES * _columns(N_FEATURES) * float(min(config.max_pairs, learnt))
        return [
            Part(PAIR_BYTES * float(events), "use household, which learns nothing"),
            Part(design, f"use a smaller max_pairs ({config.max_pairs})"),
        ]

    def _fit(self, data: Dataset, rng: np.random.Generator) -> None:
        histories, windows = data.histories, self.config.windows
        self._rhythm = rhythm_of(pairs_of(histories), self.n_items)
        self._demand = demand_of(histories, self.n_items)
        size = N_FEATURES
        self._mean, self._scale = np.zeros(size), np.ones(size)
        self._weights = np.zeros(_columns(size))
        self._weights[1] = 1.0  # nothing to learn from: as the shortest memory says
        parts = [self._lesson(*_cut(histories, self.config.horizon_days, back)) for back in range(windows)]
        features, again = (np.concatenate(column) for column in zip(*parts, strict=True))
        if again.any() and not again.all():
            self._mean, self._scale = features.mean(axis=0), np.maximum(features.std(axis=0), 1e-6)
            self._weights = logistic(self._design(features), again, self.config.regularization)

    def _lesson(self, earlier: Histories, later: Histories) -> tuple[np.ndarray, np.ndarray]:
        """Features of what `earlier` holds, and bool, whether `later` repeats it."""
        pairs = pairs_of(earlier)
        bought = later.matrix(self.n_items, binary=True)
        active = np.diff(bought.indptr)[pairs.rows] > 0  # who bought nothing at all says nothing about the item
        chosen = active & (_place(pairs) < self.config.pairs_per_user)
        if not chosen.any():
            return np.empty((0, N_FEATURES)), np.empty(0, dtype=bool)
        users = np.unique(pairs.rows[chosen])
        every = max(1, int(np.ceil(chosen.sum() * self.config.windows / self.config.max_pairs)))
        chosen &= np.isin(pairs.rows, users[::every])
        rhythm, demand = rhythm_of(pairs, self.n_items), demand_of(earlier, self.n_items)
        again = np.asarray(bought[pairs.rows[chosen], pairs.items[chosen]]).ravel() > 0
        return features_of(pairs, rhythm, demand, habits_of(earlier))[chosen], again

    def _design(self, features: np.ndarray) -> np.ndarray:
        """float64 (pairs, columns): 1, the features in standard units, and their products in pairs."""
        units = np.clip((features - self._mean) / self._scale, -5, 5)
        left, right = np.triu_indices(units.shape[1])
        return np.hstack((np.ones((len(units), 1)), units, units[:, left] * units[:, right]))

    def evidence(self, histories: Histories) -> sp.csr_matrix:
        """Probability per item of the history; 0 for what was never bought."""
        blocks = [self._chances(block) for block in histories.blocks()]
        return sp.vstack(blocks, format="csr") if blocks else sp.csr_matrix((0, self.n_items), dtype=np.float32)

    def _chances(self, block: Histories) -> sp.csr_matrix:
        pairs = pairs_of(block)
        logits = self._design(features_of(pairs, self._rhythm, self._demand, habits_of(block))) @ self._weights
        chances = chance(logits).astype(np.float32)
        return sp.csr_matrix((chances, (pairs.rows, pairs.items)), shape=(len(block), self.n_items))

    def state(self) -> dict[str, np.ndarray]:
        """The regression in float64; the items' rhythm, float32 (n_items,) each, and demand."""
        rhythm = {name: getattr(self._rhythm, name) for name in ("repeats", "gap", "buyers")}
        regression = {"weights": self._weights, "feature_mean": self._mean, "feature_scale": self._scale}
        return regression | rhythm | {"demand": self._demand}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back the regression, the rhythm and the demand."""
        self._weights, self._mean, self._scale = arrays["weights"], arrays["feature_mean"], arrays["feature_scale"]
        self._rhythm = ItemRhythm(arrays["repeats"], arrays["gap"], arrays["buyers"])
        self._demand = arrays["demand"]


def _columns(features: int) -> int:
    """Of the regression: 1, the features and their products in pairs."""
    return 1 + features + features * (features + 1) // 2


def _place(pairs: Pairs) -> np.ndarray:
    """int64 (pairs,): 0 for the item that a user bought most of late, 1 for the next and so on."""
    order = np.lexsort((-pairs.decayed[:, LATE], pairs.rows))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order)) - np.searchsorted(pairs.rows[order], pairs.rows[order])
    return place


def _cut(histories: Histories, horizon_days: float | None, back: int) -> tuple[Histories, Histories]:
    """What was known before a window and what happened in it; a window is so many days, or one basket of each user.

    back  0 for the window that ends with the histories, 1 for the one before it …
    """
    if horizon_days is None:
        baskets = baskets_of(histories)
        since = baskets.since[baskets.of_event]
        return histories.keep(since > back), histories.keep(since == back)
    end, begin = (int(histories.now - windows * horizon_days * DAY_S) for windows in (back, back + 1))
    times = histories.times
    return replace(histories.keep(times < begin), now=begin), histories.keep((times >= begin) & (times < end))
