"""The cleaning policy: which cleaners run, in one declared order, with which options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from components.core import schema
from components.core.config import PARAMS_FILE, Config, parse
from components.core.errors import ConfigError, did_you_mean
from components.core.progress import track
from components.core.registry import CLEANERS
from components.data.cleaner import Cleaned, Cleaner, Effect, Work
from components.data.engine import EngineConfig
from components.data.undone import parted

if TYPE_CHECKING:
    from ibis import Table

# Cheap filters first; what looks at several rows after the rows that are no events are gone; what fills gaps last.
ORDER = (
    "types", "texts", "events", "duplicates", "guests", "sample", "held_items", "units", "cancellations", "bots",
    "outliers", "missing", "unlisted", "defaults",
)  # fmt: skip
WHERE = f"{PARAMS_FILE}: clean.cleaners"


class CleanConfig(Config):
    """Section `clean` of params.yaml.

    cleaners  options by cleaner; what is not named runs with its defaults if it is on by default (docs/catalogue.md),
              false switches one off
    """

    cleaners: dict[str, dict[str, Any] | Literal[False] | None] = Field(default_factory=dict)
    reference_share: float = Field(
        0.7, gt=0, le=1, description="of the time span; fences and fills take their statistics before it ends"
    )
    engine: EngineConfig = EngineConfig()


@dataclass(frozen=True)
class Result:
    """Clean tables by name, by cleaner what it did, and the events that were undone (components/data/undone.py)."""

    tables: dict[str, Table]
    done: dict[str, Cleaned]
    undone: Table | None

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows or values by effect."""
        return {effect.metric: effect.count for effect in self.effects}

    @property
    def effects(self) -> list[Effect]:
        """All effects, in the order of the cleaners."""
        return [effect for cleaned in self.done.values() for effect in cleaned.effects]


def chosen(config: CleanConfig) -> list[Cleaner]:
    """The cleaners of a policy, in the order in which they run.

    Raises ConfigError on a name or an option that is unknown or out of range, and on switching off a required one.
    """
    check_names(config)
    cleaners = []
    for name in ORDER:
        options = config.cleaners.get(name)
        cls = CLEANERS.get(name)
        if options is False and cls.required:
            raise ConfigError(f"{WHERE}.{name}: it cannot be switched off, later steps rest on it; remove the line.")
        if options is not False and (cls.default or cls.required or name in config.cleaners):
            cleaners.append(cls(parse(cls.Config, options, f"{WHERE}.{name}")))
    return cleaners


def check_names(config: CleanConfig) -> None:
    """ConfigError on a cleaner that does not exist."""
    for name in config.cleaners:
        if name not in ORDER:
            raise ConfigError(f"{WHERE}: unknown cleaner '{name}'; {did_you_mean(name, sorted(ORDER))}")


def clean_tables(tables: dict[str, Table], cleaners: list[Cleaner], work: Work, progress: Callable = track) -> Result:
    """Run the cleaners one after the other, each on what the one before left."""
    work.given = {name: tuple(table.columns) for name, table in tables.items()}
    current, done = dict(tables), {}
    for cleaner in progress(cleaners, "clean"):
        cleaned = cleaner.apply(current, work)
        current |= cleaned.tables
        done[cleaner.component()] = cleaned
    current[schema.INTERACTIONS_TABLE], undone = parted(current[schema.INTERACTIONS_TABLE])
    return Result(current, done, undone)


def described(cleaners: list[Cleaner]) -> dict[str, Any]:
    """Version and options of each cleaner that runs, by name."""
    return {c.component(): {"version": c.version, "options": c.config.model_dump(mode="json")} for c in cleaners}
