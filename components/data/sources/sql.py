"""Tables or queries of a database, DuckDB or PostgreSQL, through Ibis; ingest exports them to parquet in data/.

The database is only read. Secrets stay out of params.yaml: a PostgreSQL server is named by an environment variable that
holds its URL. Of each table only the mapped columns leave the database, sorted, so that an unchanged table gives
unchanged bytes; a changed one is a new snapshot, which data.dvc must be told of.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from components.core import schema
from components.core.config import Config
from components.core.errors import DataError
from components.data.landing import FileFormat, Landed, Limits, land
from components.data.mapped_source import KEYS, MappedSource, Part, RawTable
from components.data.mapping.ids import IdFormat
from components.data.mapping.money import Currency
from components.data.mapping.numbers import NumberFormat
from components.data.mapping.table_mapping import TableMapping, check_mapping
from components.data.mapping.times import TimeFormat

if TYPE_CHECKING:
    from ibis import BaseBackend, Table
    from ibis.expr.types import Column

PARQUET = FileFormat(format="parquet")
SHARED = ("time", "numbers", "ids", "currency", "missing")
ROWS_AT_A_TIME = 100_000
VIEW = "shoploop_query"  # start of the names of temporary views


class MappedQuery(TableMapping):
    """A table of the database, or a SELECT, and what its columns mean.

    table       its name
    database    the schema it is in ("sales"); None: where the connection looks first
    query       a SELECT instead of a table
    one_per_id  items, users: the rows are lines that repeat what is known of an id; make one row of them
    """

    table: str | None = Field(None, min_length=1, max_length=256)
    database: str | None = Field(None, min_length=1, max_length=256)
    query: str | None = Field(None, min_length=1, max_length=20_000)
    one_per_id: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> MappedQuery:
        if (self.table is None) == (self.query is None):
            raise ValueError("give either a table or a query")
        return self


class SqlConfig(Config):
    """Which database, and its tables; `interactions` is required.

    duckdb    path of a DuckDB file
    url_from  environment variable that holds the URL of a PostgreSQL server, postgresql://…
    """

    duckdb: str | None = None
    url_from: str | None = Field(None, pattern=r"^[A-Z_][A-Z0-9_]*$")
    interactions: MappedQuery
    items: MappedQuery | None = None
    users: MappedQuery | None = None
    promotions: MappedQuery | None = None
    queries: MappedQuery | None = None
    exposures: MappedQuery | None = None
    time: TimeFormat = TimeFormat()
    numbers: NumberFormat = NumberFormat()
    ids: IdFormat = IdFormat()
    currency: Currency = Currency()
    missing: tuple[str, ...] = ("",)
    limits: Limits = Limits()

    @model_validator(mode="before")
    @classmethod
    def _spread(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        shared = {key: values[key] for key in SHARED if key in values}
        return values | {name: shared | values[name] for name in schema.COLUMNS if isinstance(values.get(name), dict)}

    @model_validator(mode="after")
    def _can_be_read(self) -> SqlConfig:
        if (self.duckdb is None) == (self.url_from is None):
            raise ValueError("give either duckdb (a file) or url_from (an environment variable with a PostgreSQL URL)")
        for name, mapping in self.mapped().items():
            check_mapping(mapping, name, f"source.params.{name}")
            if mapping.one_per_id and name not in KEYS:
                raise ValueError(f"{name}: one_per_id is for items and users")
        return self

    def mapped(self) -> dict[str, MappedQuery]:
        """The mapping of each canonical table that is given."""
        return {name: getattr(self, name) for name in schema.COLUMNS if getattr(self, name) is not None}


class Sql(MappedSource):
    """Tables of a database, by the mapping in params.yaml."""

    Config = SqlConfig
    closed = "it asks the database for whole tables; `shoploop use --replace` brings in what stands there today"

    def __init__(self, config: SqlConfig | None = None):
        """As every source; the table of interactions tells the shop's clock and currency."""
        super().__init__(config)
        self.local_time_zone = self.config.interactions.time.zone
        self.currency = self.config.interactions.currency.code

    def raw_tables(self) -> dict[str, RawTable]:
        """One for each mapping; its file in data/ is what ingest exports."""
        return {name: RawTable((), PARQUET) for name in self.config.mapped()}

    def parts(self, raw: dict[str, Table]) -> list[Part]:
        """As the mappings say."""
        return [Part(name, name, mapping, mapping.one_per_id) for name, mapping in self.config.mapped().items()]

    def ingest(self, destination: Path) -> None:
        """Export every table to data/<table>/<table>.parquet."""
        self._export(Path(destination), None)

    def sample(self, work: Path, rows: int) -> dict[str, Landed]:
        """Export and land the first rows of each table."""
        exported = Path(work) / "exported"
        self._export(exported, rows)
        return {name: land(name, [exported / name], PARQUET, work, self.limits, exported) for name in self.raw}

    def _export(self, folder: Path, rows: int | None) -> None:
        with self._connected() as con:
            for name, mapping in self.config.mapped().items():
                table = _chosen(con, name, mapping)
                (folder / name).mkdir(parents=True, exist_ok=True)
                table = table.limit(rows) if rows else table.order_by(table.columns)
                _write(con, table, folder / name / f"{name}.parquet")

    @contextmanager
    def _connected(self) -> Iterator[BaseBackend]:
        """A connection; what goes wrong at the database is told without the URL, which may hold a password."""
        import ibis

        place = self.config.duckdb or f"the database of ${self.config.url_from}"
        try:
            con = _open_duckdb(place) if self.config.duckdb else ibis.connect(_url(self.config.url_from))
        except DataError:
            raise
        except Exception as e:  # each driver has its own classes
            raise DataError(f"sql: {place}: no connection ({_said(e)}); is it up, and may you read it?") from None
        try:
            yield con
        except DataError:
            raise
        except Exception as e:
            raise DataError(f"sql: {place}: {_said(e)}") from None
        finally:
            con.disconnect()


def _open_duckdb(path: str) -> BaseBackend:
    import ibis

    if not Path(path).is_file():
        raise DataError(f"sql: {path}: no such file; correct `duckdb` in params.yaml.")
    return ibis.duckdb.connect(path, read_only=True)


def _url(variable: str) -> str:
    url = os.environ.get(variable, "")
    if not url.startswith(("postgresql://", "postgres://")):
        found = "is not set" if not url else "does not start with postgresql://"
        raise DataError(
            f"sql: environment variable {variable} {found}; set it to postgresql://user:password@host/name."
        )
    return url


def _chosen(con: BaseBackend, name: str, mapping: MappedQuery) -> Table:
    """The mapped columns of a table or query, in types that parquet keeps."""
    table = _queried(con, name, mapping.query) if mapping.query else con.table(mapping.table, database=mapping.database)
    wanted = mapping.raw_columns()
    lacking = [c for c in wanted if c not in table.columns]
    if lacking:
        raise DataError(f"sql: {name}: column {', '.join(lacking)} is not there; found {', '.join(table.columns)}.")
    amounts = {c for name, c in mapping.columns.items() if schema.column_type(name) == "float64"}
    return table.select(**{c: _plain(table[c], is_amount=c in amounts) for c in wanted})


def _queried(con: BaseBackend, name: str, query: str) -> Table:
    """The rows of a SELECT, through a temporary view: Ibis 12 cannot ask either database for a query's columns."""
    import sqlglot

    try:
        (statement,) = sqlglot.parse(query, read=con.name)
    except (ValueError, sqlglot.errors.SqlglotError):
        statement = None
    if not isinstance(statement, sqlglot.exp.Query):
        raise DataError(f"sql: {name}: `query` is not one SELECT; give one, without a semicolon.")
    con.raw_sql(f"CREATE TEMPORARY VIEW {VIEW}_{name} AS {query}")
    return con.table(f"{VIEW}_{name}", database="temp.main" if con.name == "duckdb" else None)


def _plain(column: Column, *, is_amount: bool) -> Column:
    """Numbers, times, truth values and texts as they are, all else (uuid, json, …) as text.

    PostgreSQL's decimals may be NaN, for which Arrow's have no room: amounts become what they will be anyway.
    """
    kind = column.type()
    if kind.is_decimal() and is_amount:
        return column.cast("float64")
    if kind.is_numeric() or kind.is_temporal() or kind.is_string() or kind.is_boolean():
        return column
    return column.cast("string")


def _write(con: BaseBackend, table: Table, path: Path) -> None:
    import pyarrow.parquet as pq

    if con.name == "duckdb":  # which writes parquet itself; Ibis 12 cannot take batches from DuckDB 2
        table.to_parquet(path, compression="zstd")
        return
    batches = table.to_pyarrow_batches(chunk_size=ROWS_AT_A_TIME)
    with pq.ParquetWriter(path, batches.schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)


def _said(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
