"""What every step returns: small facts for a person, MLflow and the closing table."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class StepResult:
    """Outcome of one step; the data themselves are in the files it wrote.

    summary    one plain sentence for the closing table
    metrics    numbers by MLflow name, e.g. {"ndcg_at_10": 0.41}
    curves     values per epoch by name, logged to MLflow step by step
    artifacts  reports and plots to log to MLflow
    tags       facts that are words
    """

    summary: str
    metrics: dict[str, float] = field(default_factory=dict)
    curves: dict[str, list[float]] = field(default_factory=dict)
    artifacts: tuple[Path, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
