"""Drafting: a suite from the tables as they lie, written to a file that nothing goes past until a person read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.core import layout, schema
from components.core.bundle import write_json
from components.core.errors import DataError
from components.data import parts
from components.quality import workspace
from components.quality.draft import DraftConfig, draft
from components.steps.validate import ValidateConfig


def suggest(
    config: ValidateConfig, root: Path, name: str, folder: Path = layout.VALIDATED, to: Path | None = None,
    *, replace: bool = False, slack: DraftConfig | None = None,
) -> tuple[Path, dict[str, Any]]:  # fmt: skip
    """Write the draft of a table's suite; returns its path and content.

    folder  artifacts/validated or artifacts/clean
    to      defaults to the source's own suite, expectations/<source>.<table>.json
    Raises  DataError if there is no such table, or the file is there and `replace` is not said
    """
    path = to or layout.EXPECTATIONS / f"{config.source.component}.{name}.json"
    if (root / path).exists() and not replace:
        raise DataError(f"{path} is there already; write the draft elsewhere with --to, or over it with --replace.")
    con = config.engine.open()
    there = [table for table in parts.table_names(root / folder) if table in schema.COLUMNS]
    if name not in there:
        raise DataError(
            f"expect: {folder} has no table '{name}'; there are: {', '.join(there) or 'none, run validate'}."
        )
    tables = {table: parts.read_table(con, root / folder, table) for table in there}
    unknown = workspace.unlisted(tables) if schema.ITEMS_TABLE in tables else {}
    rows = workspace.with_checks(name, tables[name], unknown)
    suite = draft(name, rows, slack or DraftConfig())
    con.disconnect()
    write_json(root / path, suite)
    return path, suite
