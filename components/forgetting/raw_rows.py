"""A person's rows in data/: found by the source's own reading of its files, dropped line by line or record by record.

The canonical tables say of every row which file and line it came from (TRACE), so no format is read a second time
here. Sources whose tables carry no TRACE declare the columns that name users (`Source.user_columns`).
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from components.core import layout, schema
from components.core.bundle import read_json
from components.core.errors import DataError
from components.data import engine
from components.data.landing import FileFormat
from components.data.landing.piece import ORIGINAL
from components.data.mapped_source import MappedSource
from components.forgetting.person import Person
from components.forgetting.places import Packed, Place, placed
from components.forgetting.rewriting import drop_rows, named, unnamed
from components.forgetting.trace import ROWS, Trace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibis.backends.duckdb import Backend

    from components.data.source import Source

AREA = "data"
PARQUET = ".parquet"
REJECTED = ".rejected.parquet"


def find_raw(root: Path, source: Source, person: Person) -> list[Trace]:
    """The person's rows in data/, file by file.

    Raises DataError, before anything is changed, if they cannot be taken out, or an archive or a workbook names the
    person where nothing is read.
    """
    data = root / layout.DATA
    if not data.is_dir():
        return []
    found = [_by_column(data, name, column, person) for name, column in source.user_columns.items()]
    if not source.user_columns:
        with tempfile.TemporaryDirectory(prefix="shoploop-forget-") as folder:
            found += _by_trace(data, source, person, Path(folder))
    return [trace for trace in found if trace is not None]


def _by_column(data: Path, name: str, column: str, person: Person) -> Trace | None:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path = data / name
    if not path.is_file():
        return None
    count = sum(
        pc.sum(named(batch.column(0), person.names)).as_py() or 0
        for batch in pq.ParquetFile(path).iter_batches(columns=[column])
    )
    if not count:
        return None
    return Trace(AREA, f"{layout.DATA}/{name}", ROWS, count, lambda: drop_rows(path, unnamed(column, person.names)))


def _by_trace(data: Path, source: Source, person: Person, work: Path) -> list[Trace]:
    landed = source.land(data, work)
    con = engine.connect()
    rows = _person_rows(source.tables(con, landed), source.component(), person)
    for file, row in _rejected_rows(con, landed, person):
        rows[file].add(row)
    files: dict[str, list[Place]] = defaultdict(list)
    for label, found in sorted(rows.items()):
        place = placed(data, label, _format(source, label), found)
        spans = _spans(sorted(found), _starts(con, landed, label)) if place.is_text else []
        files[place.file].append(replace(place, spans=spans))
    con.disconnect()
    packed = Packed(data, person, _members_read(landed))
    packed.refuse_elsewhere(set(files), lambda file: _format(source, file))
    return [
        Trace(AREA, f"{layout.DATA}/{file}", ROWS, sum(len(p.rows) for p in places), packed.removal(file, places))
        for file, places in files.items()
    ]


def _rejected_rows(con: Backend, landed: Path, person: Person) -> Iterator[tuple[str, int]]:
    """File and line of what was no row and names the person."""
    for path in sorted(landed.glob(f"*{REJECTED}")):
        rejected = con.read_parquet(path).select(schema.SOURCE_FILE, schema.SOURCE_ROW, ORIGINAL).to_pyarrow()
        for file, row, original in zip(*(rejected[c].to_pylist() for c in rejected.column_names), strict=True):
            if original is not None and person.is_in_text(original.encode(errors="replace")):
                yield file, row


def _person_rows(tables: dict, component: str, person: Person) -> dict[str, set[int]]:
    """Lines or records by file below data/."""
    rows: dict[str, set[int]] = defaultdict(set)
    traced = False
    for table in tables.values():
        if schema.USER_ID not in table.columns or schema.SOURCE_ROW not in table.columns:
            continue
        traced = True
        own = table.filter(table[schema.USER_ID].isin(sorted(person.names)))
        found = own.select(schema.SOURCE_FILE, schema.SOURCE_ROW).to_pyarrow()
        for file, row in zip(*(found[c].to_pylist() for c in found.column_names), strict=True):
            rows[file].add(row)
    if not traced:
        raise DataError(
            f"forget: source {component} does not say which rows of {layout.DATA}/ are whose: its tables carry no "
            f"{schema.SOURCE_ROW} and it declares no user_columns; correct the source."
        )
    return rows


def _starts(con, landed: Path, file: str) -> list[int]:
    """Lines of a file at which a row or a rejected line begins, sorted."""
    starts: set[int] = set()
    for path in landed.glob(f"*{PARQUET}"):
        table = con.read_parquet(path)
        own = table.filter(table[schema.SOURCE_FILE] == file).select(schema.SOURCE_ROW)
        starts.update(own.to_pyarrow()[schema.SOURCE_ROW].to_pylist())
    return sorted(starts)


def _spans(rows: list[int], starts: list[int]) -> list[tuple[int, int]]:
    """(first line, line after) of every row to drop: it reaches to where the next one begins, the last to the end."""
    following = dict(zip(starts, [*starts[1:], 2**62], strict=True))
    return [(row, following.get(row, row + 1)) for row in rows]


def _format(source: Source, label: str) -> FileFormat:
    """How params.yaml says that a file below data/ is written."""
    tables = source.raw_tables() if isinstance(source, MappedSource) else {}
    table = tables.get(label.partition("/")[0])
    return FileFormat() if table is None else table.format


def _members_read(landed: Path) -> set[str]:
    """The labels of all files, and members of archives, that landing read."""
    return {label for path in landed.glob("*.landed.json") for label in read_json(path)["files"]}
