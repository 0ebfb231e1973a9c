"""Any shop's tables: CSV, JSON lines, Excel or parquet, with a mapping of their columns; no code is needed.

Every canonical table is given by files of its own, by lines that repeat what they say of it (`one_per_id`), or by
several kinds of files, one mapping each. What stands beside the tables (`files`, `format`, `time`, `numbers`,
`ids`, `currency`, `missing`) holds for each table that says nothing else. docs/bring-your-own-data.md shows the way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator, model_validator

from components.core import schema
from components.core.config import Config
from components.data.landing import FileFormat, Limits
from components.data.mapped_source import KEYS, MappedSource, Part, RawTable
from components.data.mapping.ids import IdFormat
from components.data.mapping.money import Currency
from components.data.mapping.numbers import NumberFormat
from components.data.mapping.table_mapping import TableMapping, check_mapping
from components.data.mapping.times import TimeFormat

if TYPE_CHECKING:
    from ibis import Table

SHARED = ("files", "format", "time", "numbers", "ids", "currency", "missing")


class MappedFiles(TableMapping):
    """The files of one table, and what their columns mean.

    files       paths, folders or patterns, relative to the project or absolute
    format      how they are written; what is not said is found out
    one_per_id  items, users: the files are lines that repeat what is known of an id; make one row of them
    """

    files: tuple[str, ...] = Field(min_length=1, max_length=1000)
    format: FileFormat = FileFormat()
    one_per_id: bool = False

    @field_validator("files", mode="before")
    @classmethod
    def _one_is_a_list(cls, files: Any) -> Any:
        return (files,) if isinstance(files, str) else files


class TablesConfig(Config):
    """The shop's tables; `interactions` is required."""

    interactions: tuple[MappedFiles, ...] = Field(min_length=1, max_length=64)
    items: tuple[MappedFiles, ...] = Field((), max_length=64)
    users: tuple[MappedFiles, ...] = Field((), max_length=64)
    promotions: tuple[MappedFiles, ...] = Field((), max_length=64)
    queries: tuple[MappedFiles, ...] = Field((), max_length=64)
    exposures: tuple[MappedFiles, ...] = Field((), max_length=64)
    files: tuple[str, ...] | str = ()
    format: FileFormat = FileFormat()
    time: TimeFormat = TimeFormat()
    numbers: NumberFormat = NumberFormat()
    ids: IdFormat = IdFormat()
    currency: Currency = Currency()
    missing: tuple[str, ...] = ("",)
    limits: Limits = Limits()

    @model_validator(mode="before")
    @classmethod
    def _spread(cls, values: Any) -> Any:
        return spread(values)

    @model_validator(mode="after")
    def _mappings_fit(self) -> TablesConfig:
        for name in schema.COLUMNS:
            for number, table in enumerate(getattr(self, name), 1):
                check_mapping(table, name, f"source.params.{label(name, number)}")
                if table.one_per_id and name not in KEYS:
                    raise ValueError(f"{name}: one_per_id is for items and users")
        return self

    def mapped(self) -> list[tuple[str, str, MappedFiles]]:
        """Raw table, canonical table and mapping; mappings of the same files in the same format share a raw table."""
        names: dict[tuple[tuple[str, ...], FileFormat], str] = {}
        found = []
        for table in schema.COLUMNS:
            for number, files in enumerate(getattr(self, table), 1):
                raw = names.setdefault((files.files, files.format), label(table, number))
                found.append((raw, table, files))
        return found


class Tables(MappedSource):
    """Tables of any shop, by the mapping in params.yaml."""

    Config = TablesConfig

    def __init__(self, config: Config | None = None):
        """As every source; the first table of interactions tells the shop's clock and currency."""
        super().__init__(config)
        first = self.config.interactions[0]
        self.local_time_zone, self.currency = first.time.zone, first.currency.code

    def by_file(self) -> tuple[str, ...]:
        """All but those of which one row is made of many lines."""
        return tuple(name for name in schema.COLUMNS if (given := getattr(self.config, name)) and _of_rows(given))

    def raw_tables(self) -> dict[str, RawTable]:
        """One for each kind of files, named by the first canonical table it gives."""
        return {raw: RawTable(files.files, files.format) for raw, _, files in self.config.mapped()}

    def parts(self, raw: dict[str, Table]) -> list[Part]:
        """As the mappings say."""
        return [Part(name, table, files, files.one_per_id) for name, table, files in self.config.mapped()]


def _of_rows(tables: Iterable[MappedFiles]) -> bool:
    return not any(table.one_per_id for table in tables)


def label(table: str, number: int) -> str:
    """Name of the raw table: that of the canonical one, with a number from the second on."""
    return table if number == 1 else f"{table}_{number}"


def spread(values: Any) -> Any:
    """The parameters with what stands beside the tables put into each; one mapping becomes a list of one."""
    if not isinstance(values, dict):
        return values
    shared = {key: values[key] for key in SHARED if key in values}
    out = dict(values)
    for name in schema.COLUMNS:
        tables = values.get(name)
        tables = [tables] if isinstance(tables, dict) else tables
        if isinstance(tables, list | tuple):
            out[name] = [shared | table if isinstance(table, dict) else table for table in tables]
    return out
