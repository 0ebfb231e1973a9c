"""Canonical tables of files: views over the parts of all files, on which the rules about whole tables are judged."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.core import schema
from components.core.bundle import read_json
from components.data import engine
from components.quality import quarantine, row_rules
from components.quality.file_judging import ACCEPTED, CONDEMNED, PLACE, REASONS, ROWS, part_file
from components.quality.judge import ROW
from components.quality.part_store import FACTS, key_of
from components.quality.quarantine import ORIGINAL
from components.quality.suites import Suite
from components.quality.verdict import Verdict

if TYPE_CHECKING:
    from ibis import Table
    from ibis.backends.duckdb import Backend

FILE_BITS = 40  # `row` of a view: the file's number above them, the place in the file below
CONDEMNED_ROW = 1 << 60  # and this where the row is condemned already
NAME_LETTERS = 60
KEY_LETTERS = 12


@dataclass(frozen=True)
class FileTable:
    """One canonical table of files.

    parts  folders of the parts that hold rows of it, in the order of the files
    facts  of each of them
    """

    name: str
    parts: tuple[Path, ...]
    facts: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, name: str, parts: Sequence[Path]) -> FileTable:
        """The table from the parts of all files."""
        facts = [(part, read_json(part / FACTS)) for part in parts]
        there = [(part, said) for part, said in facts if name in said["tables"]]
        return cls(name, tuple(part for part, _ in there), tuple(said for _, said in there))

    @property
    def condemned(self) -> int:
        """Rows that break a row rule."""
        return self._total(CONDEMNED)

    def lay_out(self, con: Backend, columns: Table) -> Table:
        """The table with `row`, condemned rows included, as a view; `columns` stands in where no file has a row."""
        import ibis

        if not self.parts:
            empty = columns.limit(0).mutate(**{ROW: ibis.null("int64")}).relocate(ROW)
            return con.create_table(f"files_{self.name}", empty)
        selects = [scan(self._files(ACCEPTED), 0)]
        if self._files(CONDEMNED):
            selects.append(scan(self._files(CONDEMNED), CONDEMNED_ROW, (PLACE, ORIGINAL)))
        con.raw_sql(f'CREATE VIEW "files_{self.name}" AS {" UNION ALL BY NAME ".join(selects)}')
        return con.table(f"files_{self.name}")

    def row_verdicts(self, suite: Suite) -> list[Verdict]:
        """Verdicts on the row rules, summed over the parts."""
        counts = [said["tables"][self.name]["counts"] for said in self.facts]
        return [
            row_rules.summed(self.name, rule, [count[rule["meta"]["rule"]] for count in counts])
            for rule in suite.expectations
        ]

    @staticmethod
    def accepted(table: Table, bad: Table | None) -> Table:
        """The accepted rows of the table as laid out; `bad` are rows that break a rule about the whole table."""
        kept = table.filter(table[ROW] < CONDEMNED_ROW)
        return kept if bad is None else kept.anti_join(bad, ROW)

    def set_aside(self, bad: Table | None) -> int:
        """Distinct rows set aside."""
        if bad is None:
            return self.condemned
        fresh = bad.filter(bad[ROW] < CONDEMNED_ROW)[ROW].nunique()
        return self.condemned + int(fresh.execute())

    def write_accepted(self, con: Backend, bad: Table | None, folder: Path) -> None:
        """One parquet file, or a folder with one for each raw file; unchanged ones are the store's own."""
        files = self._files(ACCEPTED)
        if not files:
            engine.write_parquet(con.table(f"files_{self.name}").drop(ROW), folder / f"{self.name}.parquet")
            return
        home = folder / self.name
        home.mkdir()
        touched = _files_of(bad)
        for number, (file, said) in enumerate(zip(files, self.facts, strict=True)):
            target = home / f"{_file_name(said['file'])}.parquet"
            if number in touched:
                _write_rest(con, file, number, bad, target)
            else:
                _link(file, target)
        if len(files) == 1:
            os.replace(target, folder / f"{self.name}.parquet")
            home.rmdir()

    def quarantined(self, con: Backend, bad: Table | None, landed: Path) -> Table | None:
        """All condemned rows as the quarantine keeps them; None if there are none."""
        import ibis

        found = []
        if self._files(CONDEMNED):
            found.append(self._by_row_rules(con))
        if bad is not None:
            rows = con.table(f"files_{self.name}").semi_join(bad, ROW)
            traced = con.create_table(f"aside_{self.name}", quarantine.traced(con, rows, quarantine.Raw(landed)))
            found.append(quarantine.told(traced.inner_join(bad, ROW), self.name))
        if not found:
            return None
        rows = ibis.union(*found) if len(found) > 1 else found[0]
        return renumbered(rows, self.name)

    def _by_row_rules(self, con: Backend) -> Table:
        rows = con.read_parquet(self._files(CONDEMNED), filename=True, union_by_name=True)
        reasons = con.read_parquet(self._files(REASONS), filename=True)
        folders = {"part": rows.filename.re_replace(r"/[^/]*$", "")}
        reasons = reasons.mutate(part=reasons.filename.re_replace(r"/[^/]*$", "")).drop("filename")
        joined = rows.mutate(**folders).inner_join(reasons, ["part", PLACE])
        return quarantine.told(joined.mutate(**{ROW: joined[PLACE]}), self.name)

    def _files(self, kind: str) -> list[Path]:
        files = [part_file(part, self.name, kind) for part in self.parts]
        return [file for file in files if file.is_file()]

    def _total(self, kind: str) -> int:
        return sum(said["tables"][self.name][kind] for said in self.facts)

    @property
    def rows(self) -> int:
        """All rows, the condemned ones too."""
        return self._total(ROWS)


def scan(files: Sequence[Path], offset: int, without: Sequence[str] = ()) -> str:
    """DuckDB's query for the rows of parquet files with `row`: offset, number of the file, place in the file."""
    names = ", ".join("'" + str(file.resolve()).replace("'", "''") + "'" for file in files)
    columns = f"* EXCLUDE ({', '.join(without)})" if without else "*"
    row = f'{offset}::BIGINT + (file_index::BIGINT << {FILE_BITS}) + file_row_number AS "{ROW}"'
    return f"SELECT {row}, {columns} FROM read_parquet([{names}], union_by_name = true)"  # noqa: S608 - our own files


def _files_of(bad: Table | None) -> set[int]:
    """Numbers of the files with accepted rows among the bad ones."""
    if bad is None:
        return set()
    rows = bad.filter(bad[ROW] < CONDEMNED_ROW)
    numbers = rows.select(number=rows[ROW] // (1 << FILE_BITS)).distinct()
    return set(numbers["number"].to_pyarrow().to_pylist())


def _write_rest(con: Backend, file: Path, number: int, bad: Table, target: Path) -> None:
    view = f"rest_{key_of(str(file))}"
    con.raw_sql(f'CREATE VIEW "{view}" AS {scan([file], number << FILE_BITS)}')
    engine.write_parquet(con.table(view).anti_join(bad, ROW).drop(ROW), target)


def _link(file: Path, target: Path) -> None:
    """The same bytes under another name; a copy where the file system cannot link."""
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)


def link_all(source: Path, target: Path) -> None:
    """All files of a folder in another one, as links where the file system can."""
    for file in sorted(path for path in source.rglob("*") if path.is_file()):
        place = target / file.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        _link(file, place)


def _file_name(name: str) -> str:
    """A name for a part that tells its raw file, and no two files share."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in Path(name).stem)
    return f"{plain[:NAME_LETTERS].lstrip('-_') or 'part'}-{key_of(name)[:KEY_LETTERS]}"


def renumbered(rows: Table, name: str) -> Table:
    """`row` tells the condemned rows of one raw file apart, in an order that hangs on the rows alone."""
    import ibis

    same = [rows[c] for c in rows.columns if c in (*schema.COLUMNS[name], schema.SOURCE_ROW)]
    window = ibis.window(group_by=[rows[schema.SOURCE_FILE]], order_by=same)
    return rows.mutate(**{ROW: (ibis.dense_rank().over(window) + 1).cast("int64")})
