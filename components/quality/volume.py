"""Volume: whether a table has about as many rows as in the snapshots accepted before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from components.core.config import Config
from components.quality.rules import ROW_COUNT, Rule
from components.quality.snapshots import Snapshot, medians


class VolumeConfig(Config):
    """Section `validate.volume` of params.yaml: ratios to the median number of rows of the last snapshots."""

    snapshots: int = Field(5, ge=1, le=100)
    min_ratio: float = Field(0.5, gt=0, le=1)
    max_ratio: float = Field(2.0, ge=1, le=1000)
    outcome: Literal["warn", "stop"] = "warn"


def rules(table: str, config: VolumeConfig, earlier: Sequence[Snapshot]) -> list[Rule]:
    """The rule on the number of rows of one table; none where no earlier snapshot has the table."""
    usual = medians(earlier, config.snapshots).get(table)
    if not usual:
        return []
    low, high = max(math.floor(usual * config.min_ratio), 1), math.ceil(usual * config.max_ratio)
    ratios = f"{config.min_ratio:g} to {config.max_ratio:g} times the usual"
    meta = {
        "rule": "volume",
        "outcome": config.outcome,
        "words": f"the table has {low:,} to {high:,} rows, {ratios}",
        "why": f"the last accepted snapshots had {usual:,.0f}; far fewer is a broken copy, far more are two",
    }
    return [{"type": ROW_COUNT, "kwargs": {"min_value": low, "max_value": high}, "meta": meta}]
