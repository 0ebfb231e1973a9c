"""docs/hostile-files.md, from the tables of hostile files and values: `python -m tests.data.hostile.page --write`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from components.core.bundle import write_text
from tests.data.hostile import bytes as hostile_bytes
from tests.data.hostile import circumstances
from tests.data.hostile import text as hostile_text
from tests.data.hostile.clean import SHAPES
from tests.data.hostile.values import VALUES

PAGE = Path(__file__).parents[3] / "docs" / "hostile-files.md"
CASES = [*hostile_bytes.CASES, *hostile_text.CASES, *circumstances.CASES]
HEAD = """# Hostile files and what becomes of them

Made by `python -m tests.data.hostile.page --write` from the tables that tests/data/test_hostile_files.py and
test_hostile_values.py run; a test holds this page to them. Every file gets one verdict:

- **refused**: nothing is written; the message says what, where and what to do.
- **rows rejected**: lines that are no rows stand in `<table>.rejected.parquet`, each with its file, line, original and
  reason; the others are landed.
- **landed with a remark**: all rows are there; the report says what a person should know.
- **rows quarantined**: the row is landed, but a value of it cannot be what the column means; validate sets it aside
  with the words below.
- **accepted**: all is there, exactly as written, and nothing is said.

For every file: lines = header + rows + further lines of fields with newlines + rejected + blank.
"""
SECTIONS = (
    ("Damaged, bombed or mistaken files", hostile_bytes.CASES),
    ("Columns, quotes and encodings", hostile_text.CASES),
    ("Circumstances", circumstances.CASES),
    ("Values", VALUES),
)


def page() -> str:
    """The whole page."""
    parts = [HEAD, *(f"## {title}\n\n{_table(cases)}" for title, cases in SECTIONS)]
    shapes = "".join(f"- {shape.name}\n" for shape in SHAPES)
    parts.append(
        f"## Clean files\n\nThe same events in {len(SHAPES)} shapes; each gives the same canonical rows without a word "
        f"(tests/data/test_clean_files.py):\n\n{shapes}"
    )
    return "\n".join(parts)


def _table(cases: Iterable) -> str:
    rows = "".join(f"| {_cell(c.name)} | {_cell(c.what)} | {c.verdict} | {_cell(_short(c.words))} |\n" for c in cases)
    return f"| case | what is wrong | verdict | message, in part |\n|---|---|---|---|\n{rows}"


def _short(words: str) -> str:
    return words if len(words) < 160 else f"{words[:150]}…"


def _cell(words: str) -> str:
    """Text that a table of Markdown shows as it is."""
    return words.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


if __name__ == "__main__":
    if "--write" in sys.argv:
        write_text(PAGE, page())
    else:
        print(page())
