"""The mapping of one raw table to one canonical table: declared in params.yaml, or by a source that knows its files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from components.core import schema
from components.core.config import Config
from components.core.errors import ConfigError, DataError, did_you_mean
from components.data.mapping.changes import changed
from components.data.mapping.events import RAW, EventRule, read_events, undone
from components.data.mapping.ids import IdFormat, is_id, read_id
from components.data.mapping.json_text import json_object
from components.data.mapping.money import CURRENCY, Currency, converted
from components.data.mapping.numbers import NumberFormat, read_integer, read_number
from components.data.mapping.reading import Stage, in_stages, joined, problem, text, value
from components.data.mapping.times import TimeFormat, read_time

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import Value

LARGEST_FACTOR = 1e9


class TableMapping(Config):
    """How the columns of one raw table become canonical ones.

    columns     canonical column → the shop's column; one of the shop's may serve several
    constants   canonical column → one text for all rows; an empty one for a column that nobody knows
    attributes  the shop's columns that go into the JSON object `attributes`
    time        how times are written
    numbers     how numbers are written
    ids         how ids are written
    events      which rows are which event; without rules every row is a purchase
    value_is    whether the mapped `value` is for the line or for one unit of it
    factors     canonical column of numbers → what to multiply it with, as 0.01 for cents
    currency    what money is counted in
    missing     texts that mean "not given"
    may_lack    columns of the shop's that a file of several may lack; its rows then tell nothing of them
    """

    columns: dict[str, str] = Field(default_factory=dict)
    constants: dict[str, str] = Field(default_factory=dict)
    attributes: tuple[str, ...] = Field((), max_length=256)
    time: TimeFormat = TimeFormat()
    numbers: NumberFormat = NumberFormat()
    ids: IdFormat = IdFormat()
    events: tuple[EventRule, ...] = Field((EventRule(type="purchase"),), min_length=1, max_length=256)
    value_is: Literal["line", "unit"] = "line"
    factors: dict[str, float] = Field(default_factory=dict)
    currency: Currency = Currency()
    missing: tuple[str, ...] = Field(("",), max_length=64)
    may_lack: tuple[str, ...] = Field((), max_length=256)

    @field_validator("factors")
    @classmethod
    def _positive(cls, factors: dict[str, float]) -> dict[str, float]:
        if not all(0 < factor < LARGEST_FACTOR for factor in factors.values()):
            raise ValueError("a factor must be positive and finite; a sign is not turned by it")
        return factors

    def raw_columns(self) -> list[str]:
        """The shop's columns that it reads, each once."""
        rules = [rule.column for rule in self.events if rule.column]
        currency = [self.currency.column] if self.currency.column else []
        return list(dict.fromkeys([*self.columns.values(), *self.attributes, *rules, *currency]))

    def given(self, table: str) -> list[str]:
        """The canonical columns of `table` that it gives, in their order."""
        made = {*self.columns, *self.constants} | ({schema.ATTRIBUTES} if self.attributes else set())
        made |= {schema.EVENT_TYPE} if table == schema.INTERACTIONS_TABLE else set()
        return [c for c in schema.COLUMNS[table] if c in made]


def check_mapping(mapping: TableMapping, table: str, where: str) -> None:
    """ConfigError if the mapping names a column that `table` does not have, or lacks a required one."""
    known = schema.COLUMNS[table]
    for name in [*mapping.columns, *mapping.constants, *mapping.factors]:
        if name not in known:
            raise ConfigError(f"{where}: unknown column '{name}' of {table}; {did_you_mean(name, known)}")
    text = [c for c in mapping.factors if schema.column_type(c) != "float64"]
    if text:
        raise ConfigError(f"{where}: factors: {_quoted(text)} holds no amount to multiply; drop the factor.")
    twice = set(mapping.columns) & set(mapping.constants)
    if twice or schema.EVENT_TYPE in mapping.columns:
        word = f"'{min(twice)}' is mapped and constant" if twice else "event_type is not mapped but told by `events`"
        raise ConfigError(f"{where}: {word}; see docs/bring-your-own-data.md.")
    unread = [c for c in mapping.may_lack if c not in mapping.raw_columns()]
    if unread:
        raise ConfigError(f"{where}: may_lack names {_quoted(unread)}, which the mapping does not read; drop it.")
    lacking = [c for c in schema.REQUIRED[table] if c not in mapping.given(table)]
    if lacking:
        raise ConfigError(
            f"{where}: {', '.join(lacking)} of {table} is required; name the shop's column under `columns`."
        )


def canonical(landed: Table, table: str, mapping: TableMapping, name: str = "raw") -> Table:
    """The canonical table: the columns that the mapping gives, in schema order, and TRACE where the rows carry it.

    name  of the raw table; where several of them are mapped in one query, each needs its own
    Every row of `landed` stays. A value that cannot be read is null and `problem` says what stood there.
    Raises DataError if a column that the mapping names is not there.
    """
    lacking = [c for c in mapping.raw_columns() if c not in landed.columns]
    if lacking:
        raise DataError(
            f"{table}: column {_quoted(lacking)} is not there; found "
            f"{_quoted(c for c in landed.columns if c not in schema.TRACE)}. "
            "Correct `columns` in the mapping, or the file."
        )
    trace = [c for c in (schema.SOURCE_FILE, schema.SOURCE_ROW) if c in landed.columns]
    raw = landed.select(*trace, **{RAW + c: landed[c] for c in mapping.raw_columns()})
    readings = [_reading(name, RAW + column, mapping) for name, column in mapping.columns.items()]
    readings += [_constant(name, word) for name, word in mapping.constants.items()]
    if mapping.attributes:
        readings.append(_attributes(mapping))
    if table == schema.INTERACTIONS_TABLE:
        readings.append(read_events(mapping.events))
    label = f"{name}_as_{table}"
    read = in_stages(raw, readings, label)
    # Named, so that what is built on it (a sort by all columns) does not repeat its expressions.
    return _selected(_settled(read, table, mapping, label), table, mapping, trace).alias(label)


def _settled(read: Table, table: str, mapping: TableMapping, label: str) -> Table:
    """Amounts converted, then cancellations turned positive."""
    per_unit = mapping.value_is == "unit"
    read = read.mutate(**converted(read, mapping.currency, mapping.factors, per_unit=per_unit))
    read = read.alias(f"{label}_converted")
    if table == schema.INTERACTIONS_TABLE:
        read = read.mutate(**undone(read)).alias(f"{label}_undone")
    return read


def _selected(read: Table, table: str, mapping: TableMapping, trace: list[str]) -> Table:
    given = mapping.given(table)
    columns: dict[str, Value] = {c: read[value(c)].cast(schema.column_type(c)) for c in given}
    said = [read[problem(c)] for c in [*given, CURRENCY] if problem(c) in read.columns]
    if trace:
        columns |= {c: read[c] for c in trace} | {schema.PROBLEM: joined(said), schema.CHANGED: changed(read)}
    return read.select(**columns)


def _reading(name: str, raw: str, mapping: TableMapping) -> list[Stage]:
    kind = schema.column_type(name)
    if kind == "int64":
        return read_integer(raw, name, mapping.numbers, mapping.missing)
    if kind == "float64":
        return read_number(raw, name, mapping.numbers, mapping.missing)
    if kind.startswith("timestamp"):
        return read_time(raw, name, mapping.time, mapping.missing)
    if is_id(name):
        return read_id(raw, name, mapping.ids, mapping.missing)
    return [lambda t: {value(name): text(t[raw], mapping.missing)}]


def _constant(name: str, word: str) -> list[Stage]:
    import ibis

    return [lambda _: {value(name): ibis.literal(word).nullif("")}]


def _attributes(mapping: TableMapping) -> list[Stage]:
    return [
        lambda t: {
            value(schema.ATTRIBUTES): json_object({c: text(t[RAW + c], mapping.missing) for c in mapping.attributes})
        }
    ]


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
