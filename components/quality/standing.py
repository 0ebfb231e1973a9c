"""Standing: how new data stand against the snapshots accepted before – as fresh, as many, distributed alike.

Freshness and volume are rules that Great Expectations judges with the others; the distribution is compared here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from components.core import rng, schema
from components.core.config import Config
from components.quality import drift_report, freshness, snapshots, volume, windows
from components.quality.drift import DRIFTED, STABLE, DriftThresholds, comparable, drift
from components.quality.freshness import FreshnessConfig
from components.quality.judge import ROW
from components.quality.newest_file import NewestFile
from components.quality.snapshots import Snapshot
from components.quality.suites import Suite
from components.quality.verdict import Verdict
from components.quality.volume import VolumeConfig

if TYPE_CHECKING:
    from ibis import Table
    from matplotlib.figure import Figure

    from components.quality.windows import Columns


CYCLES = ("weekday", "hour")  # a file of one day has one weekday, and need not have all hours


class DriftConfig(Config):
    """Section `validate.drift` of params.yaml: lines and titles against those of the last accepted snapshot."""

    thresholds: DriftThresholds = DriftThresholds()
    lines: int = Field(5000, ge=100, le=1_000_000, description="taken evenly over the interactions")
    outcome: Literal["warn", "stop"] = "warn"


@dataclass(frozen=True)
class Standing:
    """Drift since an earlier snapshot, or of the newest file since those before it.

    before, now         what is compared, in words
    report              as drift_report.summarise makes it
    reference, current  the columns compared
    rules               first part of the names of its rules
    """

    before: str
    now: str
    report: dict[str, Any]
    reference: Columns
    current: Columns
    rules: str = "drift"

    def pictures(self) -> dict[str, Figure]:
        """A picture of every column that is not stable, worst first."""
        changed = {name: c for name, c in self.report["columns"].items() if c["verdict"] != STABLE}
        names = (self.before, self.now)
        return {
            name: drift_report.picture(name, c["kind"], self.reference, self.current, names)
            for name, c in changed.items()
        }


def with_rules(
    suites: Iterable[Suite],
    names: Collection[str],
    earlier: Sequence[Snapshot],
    fresh: FreshnessConfig,
    volumes: VolumeConfig,
) -> list[Suite]:
    """The suites, those of the canonical tables `names` with the rules on their times and on their size."""
    return [
        replace(suite, expectations=(*suite.expectations, *_rules(suite.table, earlier, fresh, volumes)))
        if suite.table in names
        else suite
        for suite in suites
    ]


def sample(tables: dict[str, Table], config: DriftConfig, time_zone: str) -> Columns:
    """What the accepted lines look like; the interactions have a column `row`."""
    items = tables[schema.ITEMS_TABLE]
    return windows.described(tables[schema.INTERACTIONS_TABLE], items, ROW, config.lines, time_zone)


def since(folder: Path, digest: str, current: Columns, config: DriftConfig) -> Standing | None:
    """Drift of the data `digest` since the newest snapshot of others; None if there is nothing to compare."""
    last = snapshots.newest_sample(folder, digest)
    if last is None:
        return None
    snapshot, reference = last
    return _compared(f"snapshot {snapshot.name}", "these data", reference, current, config, digest)


def of_newest_file(
    tables: dict[str, Table], newest: NewestFile | None, config: DriftConfig, zone: str
) -> Standing | None:
    """Drift of the newest file since the files before it; None if there is nothing to compare.

    tables  accepted tables, as in `sample`; `zone` is the shop's
    """
    if newest is None:
        return None
    items, parts = tables[schema.ITEMS_TABLE], newest.parted(tables[schema.INTERACTIONS_TABLE])
    reference, current = (windows.described(lines, items, ROW, config.lines, zone) for lines in parts)
    reference, current = ({k: v for k, v in c.items() if k not in CYCLES} for c in (reference, current))
    found = _compared("the files before", newest.name, reference, current, config, newest.name)
    return found and replace(found, rules="newest_file_drift")


def verdicts(standing: Standing | None, config: DriftConfig) -> list[Verdict]:
    """One verdict per compared column; a column that moved but did not drift holds, and says so."""
    if standing is None:
        return []
    return [_verdict(name, column, standing, config) for name, column in standing.report["columns"].items()]


def _compared(
    before: str, now: str, reference: Columns, current: Columns, config: DriftConfig, purpose: str
) -> Standing | None:
    """Both, by the columns that both have enough of; None if there is none."""
    reference, current = windows.vectorised(reference), windows.vectorised(current)
    names = comparable(reference, current, config.thresholds)
    if not names:
        return None
    reference, current = ({name: columns[name] for name in names} for columns in (reference, current))
    found = drift(reference, current, config.thresholds, rng.stream(0, "validate", purpose))
    return Standing(before, now, drift_report.summarise(found, before, now), reference, current)


def _rules(table: str, earlier: Sequence[Snapshot], fresh: FreshnessConfig, volumes: VolumeConfig) -> list:
    return [*freshness.rules(table, fresh, earlier), *volume.rules(table, volumes, earlier)]


def _verdict(name: str, column: dict[str, Any], standing: Standing, config: DriftConfig) -> Verdict:
    index = "" if column["psi"] is None else f"PSI {column['psi']:.3f}, "
    return Verdict(
        schema.INTERACTIONS_TABLE,
        f"{standing.rules}_{name}",
        config.outcome,
        f"{name.replace('_', ' ')} of {standing.now} is distributed as in {standing.before}",
        "the shop, its customers or its export changed; what was learnt before may not hold",
        holds=column["verdict"] != DRIFTED,
        observed=f"{column['verdict']}: {index}gap {column['gap']:.3f}; {column['reference']} → {column['current']}",
    )
