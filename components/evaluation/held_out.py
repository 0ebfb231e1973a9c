"""Is the ranker better than every model it joins? Asked of users whose purchases its trees did not learn from.

Only the window that trained the ranker is asked, never the test window. Lists are drawn from the whole catalogue, as
they are when a release is measured. The users are others, the window is the trees' own, and that flatters the trees: so
the burden of proof is theirs, as it is at the gate, and what is not clearly better gives way to the best model alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.core.dataset import Histories
from components.core.schema import RANKER
from components.evaluation.protocol import VIEWS, Lists, Task, lists, lists_of_many, measure
from components.ranking.hybrid import Hybrid

MOST_USERS = 1000  # asked; the time it takes is then bounded
CLEARLY = 2.0  # standard errors


@dataclass(frozen=True)
class HeldOut:
    """NDCG@10 of the ranker and of its models for the same users: name → view → float64 (n,), NaN where none counts."""

    ndcg: dict[str, dict[str, np.ndarray]]

    def of_user(self, name: str) -> np.ndarray:
        """float64 (n,): a user's mean over the views in which it counts, so that both views matter alike."""
        views = np.stack([self.ndcg[name][view] for view in VIEWS])
        counts = (~np.isnan(views)).sum(axis=0)
        return np.nansum(views, axis=0) / np.where(counts > 0, counts, np.nan)

    @classmethod
    def joined(cls, parts: Sequence[HeldOut]) -> HeldOut:
        """What several groups of users told."""
        first = parts[0].ndcg
        return cls(
            {
                name: {view: np.concatenate([part.ndcg[name][view] for part in parts]) for view in first[name]}
                for name in first
            }
        )

    @property
    def best_model(self) -> str:
        """The model that is best alone."""
        return max((name for name in self.ndcg if name != RANKER), key=lambda name: np.nanmean(self.of_user(name)))

    def gain(self, model: str) -> tuple[float, float]:
        """Mean of the ranker minus a model, user by user, and its standard error; infinite for fewer than two users."""
        values = self.of_user(RANKER) - self.of_user(model)
        values = values[~np.isnan(values)]
        if len(values) < 2:
            return 0.0, float("inf")
        return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))

    @property
    def better_alone(self) -> str | None:
        """The best model, unless the ranker is better than it by more than can be chance."""
        mean, error = self.gain(self.best_model)
        return None if mean > CLEARLY * error else self.best_model

    @property
    def words(self) -> str:
        """How the ranker stands against the best model."""
        mean, error = self.gain(self.best_model)
        return f"{mean:+.4f} ± {error:.4f} NDCG@10 on held-out users against {self.best_model}, the best model alone"

    def stand_in(self) -> dict[str, Any] | None:
        """The best model as the ranker's stand-in, with its figures beside the ranker's; None where it leads already.

        Returns  {"model", "words", "ndcg_at_10": name → view → mean, None where no user counts}
        """
        if self.better_alone:
            return None
        named = self.best_model
        means = {name: {view: _mean(self.ndcg[name][view]) for view in VIEWS} for name in (RANKER, named)}
        return {"model": named, "words": self.words, "ndcg_at_10": means}


def ask(hybrid: Hybrid, work: Task) -> HeldOut:
    """Measure a ranker and each of its models; of more than MOST_USERS users, evenly chosen ones."""
    n = len(work.histories)
    work = work.take(np.unique(np.linspace(0, n - 1, min(n, MOST_USERS)).astype(np.int64)))

    def listed(block: Histories) -> dict[str, Lists]:
        scores = {name: model.score(block) for name, model in hybrid.models.items()}
        return {name: lists(of, block) for name, of in (scores | {RANKER: hybrid.score(block, scores)}).items()}

    return HeldOut(
        {
            name: {v: measure(found[v], work.relevant[v], work.n_items).per_user["ndcg"] for v in VIEWS}
            for name, found in lists_of_many(listed, work.histories).items()
        }
    )


def _mean(values: np.ndarray) -> float | None:
    return None if np.isnan(values).all() else float(np.nanmean(values))
