"""The one reader of clean tables: every canonical column is there, whatever the shop has.

The clean step writes all columns of a table that the shop gives. A shop without promotions or users has no such file;
to its readers the table is empty. A shop without items gets a stub for every item that anybody touched.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from components.core import schema
from components.core.errors import DataError
from components.data import engine

if TYPE_CHECKING:
    from ibis import Table, Value
    from ibis.backends.duckdb import Backend

STUB_TITLE = "Item "
NOT_GIVEN = {schema.QUANTITY: 1.0, schema.DISCOUNT: 0.0, schema.COUPON_DISCOUNT: 0.0}


def read_clean(con: Backend, folder: Path, name: str) -> Table:
    """A clean table with all columns of schema.COLUMNS, in their order and of their types.

    folder   clean/, or a fold's folder
    Raises   DataError if the file cannot be read, or is one that every shop has
    """
    file = Path(folder) / f"{name}.parquet"
    if file.is_file() or name == schema.INTERACTIONS_TABLE:
        return with_all_columns(engine.read_parquet(con, file), name)
    return _stubs(con, folder) if name == schema.ITEMS_TABLE else _empty(name)


def with_all_columns(table: Table, name: str) -> Table:
    """The table with what its source did not give: a default where there is one, else null.

    Raises DataError if a column is missing that every source must give.
    """
    missing = [c for c in schema.REQUIRED[name] if c not in table.columns]
    if missing:
        raise DataError(f"{name}: column {', '.join(missing)} is missing; run the clean step again.")
    return table.select(**{c: table[c] if c in table.columns else _default(table, c) for c in schema.COLUMNS[name]})


def _default(table: Table, column: str) -> Value:
    import ibis

    kind = schema.column_type(column)
    if column == schema.TITLE:
        return ibis.literal(STUB_TITLE) + table[schema.ITEM_ID]
    if column == schema.SESSION_ID and schema.USER_ID in table.columns:
        return table[schema.USER_ID] + ":" + table[schema.TIMESTAMP].cast("string")
    value = NOT_GIVEN.get(column)
    return ibis.null(kind) if value is None else ibis.literal(value, kind)


def _stubs(con: Backend, folder: Path) -> Table:
    interactions = engine.read_parquet(con, Path(folder) / f"{schema.INTERACTIONS_TABLE}.parquet")
    return with_all_columns(interactions.select(schema.ITEM_ID).distinct(), schema.ITEMS_TABLE)


def _empty(name: str) -> Table:
    import ibis
    import pyarrow as pa

    kinds = {c: schema.column_type(c) for c in schema.COLUMNS[name]}
    columns = ibis.schema(kinds).to_pyarrow()
    return ibis.memtable(pa.table({c: pa.array([], columns.field(c).type) for c in kinds}), schema=ibis.schema(kinds))
