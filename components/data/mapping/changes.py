"""What the mapping changed of what it read, told row by row as it maps, so that counting it is no second reading.

A stage adds a working column `change(rule, name)` that is true where the rule changed what stands under `name`; the
canonical row carries the names of the rules in its column `changed`, and `counted` adds them up.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from components.core import schema

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import StringValue

CURRENCY, UNIT, PER_UNIT = "currency_converted", "unit_converted", "value_multiplied"
TIME_ZONE, FINE_EPOCH = "time_zone_converted", "epoch_rescaled"
NO_ID, POINT_ZERO, PADDED_ID, COMPOSED = "id_means_nothing", "id_point_zero", "id_padded", "id_composed"
NEGATIVE_ZERO, CANCELLATION, SIGN = "negative_zero", "negative_quantity", "sign_turned"
WORDS = {
    CURRENCY: "rows whose amounts were brought to the shop's currency by a declared rate",
    UNIT: "rows with an amount multiplied by its declared factor",
    PER_UNIT: "rows whose value for one unit was multiplied by a quantity other than 1",
    TIME_ZONE: "rows with a time moved from its clock to UTC",
    FINE_EPOCH: "rows with a time in milliseconds or microseconds where the column may also hold seconds",
    NO_ID: "rows with an id that is a word for nothing (null, nan, blanks), counted as missing",
    POINT_ZERO: "rows with an id that is a whole number written with .0, which was dropped",
    PADDED_ID: "rows with an id that had blanks before or after it, which were dropped",
    COMPOSED: "rows with an id whose letters were made of several code points (NFD), brought to one form (NFC)",
    NEGATIVE_ZERO: "rows with a negative zero that became 0",
    CANCELLATION: "purchases of a negative quantity that became cancellations",
    SIGN: "cancellations whose negative quantity or value became positive",
}  # in the order in which a row names them
SIGN_BETWEEN = ", "


def change(rule: str, name: str) -> str:
    """Working column: whether `rule` changed what stands under `name`; never null."""
    return f"{name}.changed.{rule}"


def changed(read: Table) -> StringValue:
    """The rules that changed a row, in one text; null where none did."""
    import ibis

    total = ibis.literal("")
    for rule in WORDS:
        marks = [read[c] for c in read.columns if c.endswith(f".changed.{rule}")]
        if marks:
            total = total + ibis.or_(*marks).ifelse(ibis.literal(SIGN_BETWEEN + rule), ibis.literal(""))
    return total.substr(len(SIGN_BETWEEN)).nullif("")


def counted(rows: Table) -> dict[str, int]:
    """Canonical rows by the rule that changed them; rules that changed none, or were not declared, are not named."""
    if schema.CHANGED not in rows.columns:
        return {}
    found: Counter[str] = Counter()
    named = rows.filter(rows[schema.CHANGED].notnull())
    for row in named.group_by(schema.CHANGED).agg(n=named.count()).to_pyarrow().to_pylist():
        for rule in row[schema.CHANGED].split(SIGN_BETWEEN):
            found[rule] += row["n"]
    return {rule: found[rule] for rule in WORDS if rule in found}
