"""Reading a raw column as what it is meant to be: the value, or words on what stood there instead.

Landed files hold text (CSV, JSON lines, Excel) or typed columns (parquet, SQL); both come through here. A reading goes
in stages, each of which may use the columns of those before: one deep expression would repeat its parts until the
query has millions of letters. Only regular expressions that RE2 and Java understand alike, and arithmetic, so that
DuckDB and Spark read alike. A cast that could fail gets a harmless argument first, because an engine may evaluate both
arms of a case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from components.core.errors import DataError

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import BooleanValue, StringValue, Value

Stage = Callable[["Table"], "dict[str, Value]"]  # the columns to add to the table as the stages before left it

SHOWN = 40  # letters of an unreadable value that its problem shows
EXACT = 2**53  # the largest whole number up to which float64 holds them all


def value(name: str) -> str:
    """Working column with what was read as `name`: null where nothing was given, or it cannot be read."""
    return f"{name}.value"


def problem(name: str) -> str:
    """Working column with the words on what cannot be read as `name`; null where all is well."""
    return f"{name}.problem"


def shown(name: str) -> str:
    """Working column with the text that stood there."""
    return f"{name}.text"


def in_stages(table: Table, readings: Iterable[list[Stage]], name: str) -> Table:
    """The table with the columns of all readings; stage n of each is made in one go.

    name  unique in a query: stages become its common table expressions
    """
    readings = list(readings)
    for number in range(max(map(len, readings), default=0)):
        fresh: dict[str, Value] = {}
        for stages in readings:
            if number < len(stages):
                fresh |= stages[number](table)
        table = table.mutate(**fresh).alias(f"{name}_{number + 1}")
    return table


def text(raw: Value, missing: Iterable[str] = ("",)) -> StringValue:
    """The text of a raw column, letter by letter; null where it is one of the texts that mean "not given".

    Whole numbers that arrived as floating point (a column with gaps, through pandas) lose their ".0".
    Lists and records (of parquet) are JSON text, as in JSON lines. Raises DataError for columns of bytes.
    """
    kind = raw.type()
    if kind.is_string():
        for word in missing:
            raw = raw.nullif(word)
        return raw
    if kind.is_floating():
        whole = (raw.abs() < EXACT) & (raw % 1 == 0)
        return whole.ifelse(whole.ifelse(raw, 0.0).cast("int64").cast("string"), raw.cast("string"))
    if kind.is_nested():
        return _json(raw)
    if kind.is_binary():
        name = raw.get_name().rpartition(":")[2]
        raise DataError(f"column '{name}' holds {kind}; give it as text, or leave it out of the mapping.")
    return raw.cast("string")


def _json(raw: Value) -> StringValue:
    """The value as JSON text; both engines call the function by one name."""
    import ibis
    import ibis.expr.datatypes as dt

    to_json = ibis.udf.scalar.builtin(lambda _value: None, name="to_json", signature=((raw.type(),), dt.string))
    return to_json(raw)


def words(name: str, stood: StringValue, what: str) -> StringValue:
    """A problem in words: the column, what stood there, and what is wrong with it."""
    import ibis

    return ibis.literal(f"{name}: '") + stood.substr(0, SHOWN) + ibis.literal(f"' {what}")


def first_problem(*cases: tuple[BooleanValue, StringValue]) -> StringValue:
    """The words of the first case that holds, null where none does."""
    import ibis

    found = ibis.null("string")
    for holds, said in reversed(cases):
        found = holds.fill_null(False).ifelse(said, found)
    return found


def joined(problems: Iterable[StringValue]) -> StringValue:
    """The problems of a row in one text, "; " after each; null where there are none."""
    import ibis

    total = ibis.literal("")
    for said in problems:
        total = total + (said + "; ").fill_null("")
    return total.re_replace(r"; \z", "").nullif("")
