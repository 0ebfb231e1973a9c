"""Write landed rows and rejected lines as parquet: piece by piece, all or nothing, whatever columns turn up."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.core.errors import DataError
from components.core.schema import SOURCE_FILE, SOURCE_ROW
from components.data.landing.piece import ORIGINAL, REASON, RULE, Piece, Rejected

REJECTED_SCHEMA = pa.schema(
    [(SOURCE_FILE, pa.string()), (SOURCE_ROW, pa.int64()), (ORIGINAL, pa.string()), (RULE, pa.string()),
     (REASON, pa.string())]
)  # fmt: skip
COMPRESSION = "snappy"  # read by everything, and quick
TRACE = (SOURCE_FILE, SOURCE_ROW)


class LandedWriter:
    """A folder beside the results, in which they grow; `finish` puts them in their places, leaving the block discards
    what is not finished.

    A column that turns up late (JSON lines, files of different columns) starts a new part; parts are brought together
    at the end, with nulls where a part lacks a column.
    """

    def __init__(self, name: str, work: Path, max_columns: int):
        """Rows go to work/<name>.parquet, rejected lines to work/<name>.rejected.parquet."""
        self.path = Path(work) / f"{name}.parquet"
        self.rejected_path = Path(work) / f"{name}.rejected.parquet"
        self._name, self._work, self._max_columns = name, Path(work), max_columns
        self.reasons: Counter[str] = Counter()
        self._columns: dict[str, set[str]] = {}
        self._schema: pa.Schema | None = None
        self._parts: list[Path] = []
        self._writer: pq.ParquetWriter | None = None
        self._rejected_writer: pq.ParquetWriter | None = None

    def __enter__(self) -> LandedWriter:
        self._work.mkdir(parents=True, exist_ok=True)
        for left in self._work.glob(f".{self._name}.*"):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        self._folder = Path(tempfile.mkdtemp(prefix=f".{self._name}.", dir=self._work))
        return self

    def __exit__(self, *error) -> None:
        # A writer closed after a failure (a full disk) fails again; its file is thrown away anyhow.
        for writer in (self._writer, self._rejected_writer):
            if writer is not None and writer.is_open:
                try:
                    writer.close()
                except OSError:
                    if error[0] is None:
                        raise
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, label: str, piece: Piece) -> None:
        """Append the rows and rejected lines of one piece of the file `label`."""
        if piece.table is not None and piece.table.num_rows:
            self._columns.setdefault(label, set()).update(piece.table.column_names)
            self._add_rows(label, piece.table)
        if piece.rejected:
            self._add_rejected(label, piece.rejected)

    def lacking(self) -> dict[str, list[str]]:
        """The files that lack columns which others have, with these columns."""
        names = [name for name in (self._schema.names if self._schema else ()) if name not in TRACE]
        found = {label: [n for n in names if n not in columns] for label, columns in self._columns.items()}
        return {label: missing for label, missing in found.items() if missing}

    def finish(self) -> None:
        """Put the finished files in their places."""
        for writer in (self._writer, self._rejected_writer):
            if writer is not None:
                writer.close()
        if self._rejected_writer is not None:
            os.replace(self._folder / "rejected", self.rejected_path)
        else:
            self.rejected_path.unlink(missing_ok=True)
        if self._parts:
            os.replace(self._parts[0] if len(self._parts) == 1 else self._merged(), self.path)

    def _add_rows(self, label: str, table: pa.Table) -> None:
        columns = [table[name] for name in table.column_names if name != SOURCE_ROW]
        names = [name for name in table.column_names if name != SOURCE_ROW]
        source = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), table.num_rows), [label])
        table = pa.table([*columns, source.cast(pa.string()), table[SOURCE_ROW]], [*names, SOURCE_FILE, SOURCE_ROW])
        if self._writer is None or table.schema != self._writer.schema:
            table = self._fit(table, label)
        self._writer.write_table(table)

    def _fit(self, table: pa.Table, label: str) -> pa.Table:
        """The table in the order and with the columns of all so far; a new part where it has columns of its own."""
        wanted = self._widened(table.schema, label)
        if wanted != self._schema:
            self._start_part(wanted)
        arrays = [
            table[field.name].cast(field.type) if field.name in table.column_names
            else pa.nulls(table.num_rows, field.type) for field in wanted
        ]  # fmt: skip
        return pa.table(arrays, schema=wanted)

    def _widened(self, schema: pa.Schema, label: str) -> pa.Schema:
        if self._schema is None:
            return schema
        known = {field.name: field for field in self._schema}
        for field in schema:
            if field.name in known and known[field.name].type != field.type:
                raise DataError(
                    f"{label}: column '{field.name}' is {field.type}, in the files before it is "
                    f"{known[field.name].type}; give all files of a table one type."
                )
        _refuse_spelled_otherwise(known, schema, label)
        fields = [f for f in (*self._schema, *(f for f in schema if f.name not in known)) if f.name not in TRACE]
        if len(fields) > self._max_columns:
            raise DataError(f"{label}: more than {self._max_columns:,} columns (limits.max_columns) turned up.")
        return pa.schema([*fields, *(schema.field(name) for name in TRACE)])

    def _start_part(self, schema: pa.Schema) -> None:
        if self._writer is not None:
            self._writer.close()
        self._schema = schema
        self._parts.append(self._folder / f"part-{len(self._parts)}")
        self._writer = _writer(self._parts[-1], schema)

    def _add_rejected(self, label: str, lines: list[Rejected]) -> None:
        if self._rejected_writer is None:
            self._rejected_writer = pq.ParquetWriter(
                self._folder / "rejected", REJECTED_SCHEMA, compression=COMPRESSION
            )
        values = [
            [label] * len(lines), [x.row for x in lines], [x.original for x in lines], [x.rule for x in lines],
            [x.reason for x in lines],
        ]  # fmt: skip
        self._rejected_writer.write_table(pa.table(values, schema=REJECTED_SCHEMA))
        self.reasons.update(x.reason for x in lines)

    def _merged(self) -> Path:
        merged = self._folder / "merged"
        with _writer(merged, self._schema) as writer:
            for part in self._parts:
                for batch in pq.ParquetFile(part).iter_batches(65_536):
                    table = pa.Table.from_batches([batch])
                    writer.write_table(self._fit_known(table))
        return merged

    def _fit_known(self, table: pa.Table) -> pa.Table:
        missing = [field for field in self._schema if field.name not in table.column_names]
        for field in missing:
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
        return table.select(self._schema.names)


def _refuse_spelled_otherwise(known: dict[str, pa.Field], schema: pa.Schema, label: str) -> None:
    lower = {name.lower(): name for name in known}
    for name in schema.names:
        if lower.get(name.lower(), name) != name:
            raise DataError(
                f"{label}: column '{name}' is '{lower[name.lower()]}' before; engines do not tell the two apart, "
                "spell it one way."
            )


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema, compression=COMPRESSION, use_dictionary=True, write_statistics=True)
