"""Sorted files of more rows than fit into memory: one range of the first column after the other, each sorted in memory.

DuckDB sorts what does not fit over the disk, for half as much CPU time again. Here every range is read anew, which
costs little where the rows lie about in order (parquet's statistics pass over the rest) and no more than the way over
the disk where they do not. So it is for tables that are made row by row of one file, and for few ranges.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa
    from ibis import Table

ROW_GROUP = 122_880  # rows, as DuckDB cuts them
MOST_RANGES = 32
MEMORY_SHARE = 0.4  # of the limit that the rows of one range may take
TEXT_BYTES, OTHER_BYTES = 32, 12  # of a value while it is sorted, as measured on interactions: 220 bytes a row
SAMPLED_ROWS = 1_000_000  # from so many on, the ranges are cut by a sample of the first column's values
UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def ranges(table: Table) -> int:
    """How many ranges a DuckDB table should be sorted in; 1 where DuckDB sorts it best by itself."""
    rows = _rows_at_most(table)
    if rows is None:
        return 1
    ((limit,),) = table.get_backend().con.sql("SELECT current_setting('memory_limit')").fetchall()
    number, unit = limit.split()
    row_bytes = sum(TEXT_BYTES if kind.is_string() else OTHER_BYTES for kind in table.schema().values())
    found = math.ceil(rows * row_bytes / (float(number) * UNITS[unit] * MEMORY_SHARE))
    return found if found <= MOST_RANGES else 1


def write(table: Table, path: Path, number: int) -> None:
    """Write the rows, sorted by all columns, to a parquet file.

    The file depends on the rows alone, not on the number of ranges.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    (first, *_), con = table.columns, table.get_backend()
    waiting: list[pa.RecordBatch] = []
    parts = _parts(table, first, _edges(table, first, number))
    readers = (con.con.sql(con.compile(part.order_by(list(part.columns)))).to_arrow_reader(ROW_GROUP) for part in parts)
    writer = None
    try:
        for reader in readers:
            if writer is None:
                writer = pq.ParquetWriter(path, reader.schema, compression="zstd", store_schema=False)
            for batch in reader:
                waiting.append(batch)
                if sum(map(len, waiting)) >= ROW_GROUP:
                    waiting = _write_groups(writer, waiting)
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting).combine_chunks(), ROW_GROUP)
    finally:
        if writer is not None:
            writer.close()


def _write_groups(writer: Any, batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """Write whole row groups; returns what is left."""
    import pyarrow as pa

    rows = pa.Table.from_batches(batches)
    whole = len(rows) - len(rows) % ROW_GROUP
    for start in range(0, whole, ROW_GROUP):  # each in one piece, so that its pages follow from its rows
        writer.write_table(rows.slice(start, ROW_GROUP).combine_chunks(), ROW_GROUP)
    return rows.slice(whole).to_batches()


def _parts(table: Table, first: str, edges: list[Any]) -> Iterator[Table]:
    """The rows of each range, missing values in the last: that is where they are sorted."""
    key = table[first]
    for low, high in zip([None, *edges], [*edges, None], strict=True):
        part = table if low is None else table.filter(key >= low)
        if high is not None:
            part = part.filter(key < high)
        elif low is not None:
            part = table.filter((key >= low) | key.isnull())
        yield part


def _edges(table: Table, first: str, number: int) -> list[Any]:
    """The values at which all but the first range begin, so that the ranges have about as many rows."""
    values = table.select(first).filter(table[first].notnull())
    one_in = max(1, (_rows_at_most(table) or 0) // SAMPLED_ROWS)
    if one_in > 1:
        values = values.filter(values[first].hash() % one_in == 0)
    counted = values.group_by(first).agg(rows=values.count()).order_by(first).to_pyarrow()
    counts = counted["rows"].to_pylist()
    wanted, seen, edges = sum(counts) / number, 0, []
    for value, rows in zip(counted[first].to_pylist(), counts, strict=True):
        if seen >= wanted * (len(edges) + 1):
            edges.append(value)
        seen += rows
    return edges


def _rows_at_most(table: Table) -> int | None:
    """Rows of the file that a table is made of, row by row; None where it is made of more than that."""
    from ibis.expr import operations as ops

    op = table.op()
    plain = (ops.Filter, ops.Project, ops.DatabaseTable)
    if not all(isinstance(found, plain) for found in op.find(ops.Relation)) or op.find(ops.WindowFunction):
        return None
    while not isinstance(op, ops.DatabaseTable):
        op = op.parent
    return int(op.to_expr().count().execute())
