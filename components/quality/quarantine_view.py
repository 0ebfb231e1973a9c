"""What lies in the quarantine, for a person: how much by table, rule and reason, and single rows as they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core import schema
from components.core.bundle import read_json
from components.core.errors import DataError
from components.data.hints import hint
from components.quality.quarantine import NOTES, ORIGINAL, REASON, REJECTED, RULE, RULES, TABLE

MOST_EXAMPLES = 3
COUNTED = (TABLE, RULE, REASON, ORIGINAL, schema.SOURCE_FILE, schema.SOURCE_ROW)
BATCH_ROWS = 65_536
READABLE_ADVICE = "correct the value at its source, or declare how it is written in params.yaml: source"
ADVICE = {
    "readable": READABLE_ADVICE,
    "ragged": "correct the line at its source, or `format` in params.yaml: source (delimiter, quote, encoding)",
}
OTHER_ADVICE = (
    "correct the row at its source; if it is right, change the rule in expectations/ or its threshold in params.yaml: "
    "validate.thresholds, then `shoploop quarantine readmit`"
)


@dataclass(frozen=True)
class Group:
    """Rows set aside by one rule for one reason.

    rejected  lines of a raw table that were no rows at all; they cannot be re-admitted
    examples  originals
    hint      what to declare in params.yaml, where the reasons look alike; empty where they do not tell
    """

    table: str
    rule: str
    reason: str
    rows: int
    rejected: bool
    examples: tuple[str, ...]
    hint: str = ""

    @property
    def advice(self) -> str:
        """What to do."""
        told = ADVICE["ragged"] if self.rejected else ADVICE.get(self.rule, OTHER_ADVICE)
        return f"{told}; it looks like {self.hint}" if self.hint else told


def files(folder: Path) -> list[Path]:
    """The files of the quarantine; DataError if validate has not run."""
    if not Path(folder).is_dir():
        raise DataError(f"{folder}: no such folder; `dvc repro validate` makes it.")
    return sorted(Path(folder).glob("*.parquet"))


def judged_data(folder: Path) -> str | None:
    """The digest of the data that the quarantine is of; None if it does not say."""
    path = Path(folder) / RULES
    return read_json(path)["data"] if path.is_file() else None


def groups(folder: Path) -> list[Group]:
    """All groups, those of most rows first in each table; reasons that quote a value are counted by their rule."""
    counts: Counter[tuple[str, str, bool]] = Counter()
    reasons: dict[tuple[str, str, bool], Counter[str]] = {}
    examples: dict[tuple[str, str, bool], list[str]] = {}
    for file in files(folder):
        rejected = file.stem.endswith(REJECTED)
        for row in _rows(file, COUNTED):
            key = (row[TABLE], row[RULE], rejected)
            counts[key] += 1
            reasons.setdefault(key, Counter())[row[REASON]] += 1
            shown = examples.setdefault(key, [])
            if len(shown) < MOST_EXAMPLES:
                shown.append(row[ORIGINAL])
    found = sorted(counts.items(), key=lambda found: (found[0][0], -found[1], found[0]))
    return [_group(key, n, reasons[key], examples[key]) for key, n in found]


def _group(key: tuple[str, str, bool], rows: int, reasons: Counter[str], examples: list[str]) -> Group:
    table, rule, rejected = key
    return Group(table, rule, _words(reasons), rows, rejected, tuple(examples), hint(reasons))


def rows(folder: Path, table: str, rule: str | None = None, limit: int = 10) -> list[dict[str, Any]]:
    """The first rows (and lines that were no rows) of a table, of one rule or of any.

    Raises DataError if nothing of that table, or by that rule, lies there.
    """
    named = [file for file in files(folder) if file.stem in (table, f"{table}{REJECTED}")]
    found = []
    for file in named:
        for row in _rows(file, None):
            if rule in (None, row[RULE]) and len(found) < limit:
                found.append(row)
    if not found:
        there = sorted({f"{g.table} ({g.rule})" for g in groups(folder)})
        what = f"no row of {table}" + (f" by the rule '{rule}'" if rule else "")
        raise DataError(f"quarantine: {what}; there are: {', '.join(there) or 'none at all'}.")
    return found


def values(row: dict[str, Any]) -> dict[str, Any]:
    """The canonical values of a row, those that are there."""
    return {c: v for c, v in row.items() if c not in (*NOTES, schema.PROBLEM, schema.CHANGED) and v is not None}


def _rows(file: Path, columns: tuple[str, ...] | None) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS, columns=list(columns) if columns else None):
        yield from batch.to_pylist()


def _words(reasons: Counter[str]) -> str:
    """The most frequent reason, and how many others there are."""
    (first, _), *others = reasons.most_common()
    return f"{first} (and {len(others):,} more)" if others else first
