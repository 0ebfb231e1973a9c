"""What NeuMF, FM and DeepFM share: a user's pooled history against every item, in numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field

from components.core.dataset import Dataset, Histories
from components.core.model import Capabilities
from components.core.space import Floats
from components.deep._catalogue_model import CatalogueConfig, CatalogueModel
from components.deep._numpy_layers import Weights, dense
from components.deep._pools import pools_of

if TYPE_CHECKING:
    from components.deep._pair_training import PairTrainer

HOUR_S, DAY_S, WEEK_DAYS, HOURS = 3600, 86_400, 7, 24
USERS_AT_ONCE = 4  # whose hidden layer over the whole catalogue is in memory at once; few enough for the cache


class PairConfig(CatalogueConfig):
    """How a history is read, and what is to be learned from it.

    max_length     baskets of a history that are read, the last ones
    basket_decay   weight of a basket against the one after it
    examples       baskets of a user to be foretold per epoch, at most
    repeat_weight  weight of a target the user had bought before, against 1 for a first buy
    objective      `softmax` over the sampled items, or `bce`: binary cross-entropy of bought against sampled items,
                   corrected for how they are sampled, so that exp(logit) is a probability (`probabilities`)
    context        what is known of the moment besides the history: hour and weekday, in UTC
    """

    space: ClassVar = CatalogueConfig.space | {
        "basket_decay": Floats(0.2, 1.0),
        "repeat_weight": Floats(0.05, 1, log=True),
    }
    max_length: int = Field(default=20, ge=1, le=1000)
    basket_decay: float = Field(default=0.6, gt=0, le=1)
    examples: int = Field(default=20, ge=1)
    repeat_weight: float = Field(default=0.2, gt=0, le=1)
    objective: Literal["softmax", "bce"] = "softmax"
    context: tuple[Literal["hour", "weekday"], ...] = ()
    dropout: float = Field(default=0.2, ge=0, lt=1)
    batch_size: int = Field(default=512, ge=1)


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

    def trainer(self, data: Dataset, rng: np.random.Generator) -> PairTrainer:
        """Vectors start as the leading directions of who bought what."""
        from components.deep._pair_training import PairTrainer

        return PairTrainer(data, self.form, self.config, rng)

    def logits(self, histories: Histories) -> np.ndarray:
        """From `self.weights`; see `PairNetwork.weights` for the arrays."""
        w, config = self.weights, self.config
        pools = pools_of(histories, (config.basket_decay,), config.max_length)
        moment = context_of(np.array([histories.now]), w)
        user = pools.sums(w["history_embeddings"]) + moment
        logits = user @ w["item_vectors"].T + w["item_biases"] + pools.sums(w["history_biases"][:, None])
        if not self.form.hidden:
            return logits
        own = pools.sums(w["deep_history"]) if "deep_history" in w else user
        return logits + _network(own @ w["user_first"], w)

    def probabilities(self, histories: Histories) -> np.ndarray:
        """float32 (n, n_items): how probable it is that an item is among the next basket's.

        Means something only after a training with the objective `bce`; held to what happened by
        `components.metrics.calibration`.
        """
        return np.exp(np.minimum(self.logits(histories), 0))


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
