"""The page of one cleaning: what was done to how many rows, examples of repaired texts, numbers before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from components.core import schema
from components.data.policy import Result
from components.report.figures import PALETTE, new_axes, new_figure, with_fonts
from components.report.page import Page

if TYPE_CHECKING:
    from datetime import datetime

    from ibis import Table
    from matplotlib.figure import Figure

STEPS_PER_DECADE = 8  # of the histograms' logarithmic scale
ROUNDING = 1e-9  # the last digit of a logarithm differs between engines, and a price of 10 lies on a border
NUMBERS = {
    schema.INTERACTIONS_TABLE: (schema.VALUE, schema.QUANTITY, schema.DISCOUNT, schema.COUPON_DISCOUNT),
    schema.ITEMS_TABLE: (schema.PRICE, schema.STOCK),
}
LONGEST_EXAMPLE = 120


@dataclass(frozen=True)
class Spread:
    """A number's distribution: rows by step of a logarithmic scale, and what has no place on it.

    steps  step → rows; step s begins at 10 ** (s / STEPS_PER_DECADE)
    """

    steps: dict[int, int]
    zero: int
    negative: int
    missing: int

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(self.steps.values()) + self.zero + self.negative + self.missing


def spreads(tables: dict[str, Table]) -> dict[str, Spread]:
    """Distributions of the numbers that cleaning may change, by "table.column"; one pass per column."""
    return {
        f"{name}.{column}": spread(tables[name], column)
        for name, columns in NUMBERS.items()
        for column in columns
        if name in tables and column in tables[name].columns
    }


def spread(table: Table, column: str) -> Spread:
    """The distribution of one number; NaN and infinity count as missing."""
    import ibis

    value = table[column].cast("float64")
    lost = value.isnull() | value.isnan() | value.isinf()
    kind = ibis.cases((lost, "missing"), (value < 0, "negative"), (value == 0, "zero"), else_="step")
    positive = ibis.cases((kind == "step", value), else_=1.0)
    step = (positive.log10() * STEPS_PER_DECADE + ROUNDING).floor().cast("int64")
    placed = table.select(kind=kind, step=step)
    rows = placed.group_by("kind", "step").agg(n=placed.count()).to_pyarrow().to_pylist()
    others = {kind: sum(r["n"] for r in rows if r["kind"] == kind) for kind in ("zero", "negative", "missing")}
    return Spread({r["step"]: r["n"] for r in sorted(rows, key=lambda r: r["step"]) if r["kind"] == "step"}, **others)


def cleaning_page(
    result: Result,
    rows: dict[str, tuple[int, int]],
    before: dict[str, Spread],
    after: dict[str, Spread],
    reference: datetime | None,
) -> Page:
    """The page.

    rows       rows before and after, by table
    before     distributions of the validated tables, after of the clean ones
    reference  where the statistics end, or None where none were taken
    """
    page = Page("Cleaning report", "What the clean step did to the validated tables, by its declared cleaners.")
    touched = [effect for effect in result.effects if effect.count]
    page.verdict(True, f"{len(result.done)} cleaners ran over {len(rows)} tables; effects: {len(touched)}.")
    page.heading("Tables")
    page.table(["table", "rows before", "rows after", "change"], [[n, a, b, b - a] for n, (a, b) in rows.items()])
    _effects(page, result, rows)
    if reference is not None:
        page.text(
            f"Fences, medians, modes and models were taken from events before {reference:%Y-%m-%d} (UTC) only; the "
            "split refuses a cut-off that lies before it."
        )
    for note in [note for cleaned in result.done.values() for note in cleaned.notes]:
        page.text(note)
    _examples(page, result)
    _distributions(page, before, after)
    return page


def _effects(page: Page, result: Result, rows: dict[str, tuple[int, int]]) -> None:
    lines = [
        [name, e.table, e.words, e.count, f"{e.count / max(rows.get(e.table, (0, 0))[0], 1):.3%}"]
        for name, cleaned in result.done.items()
        for e in cleaned.effects
        if e.count
    ]
    page.heading("Effects")
    if lines:
        words = "In the order in which the cleaners ran; shares are of the table's rows before."
        page.table(["cleaner", "table", "what", "number", "share"], lines, words)
    else:
        page.text("Nothing had to be repaired.")
    idle = [name for name, cleaned in result.done.items() if not any(e.count for e in cleaned.effects)]
    if idle:
        page.text(f"Ran and found nothing: {', '.join(idle)}.")


def _examples(page: Page, result: Result) -> None:
    examples = [example for cleaned in result.done.values() for example in cleaned.examples]
    if examples:
        page.heading("Repaired texts, examples")
        cut = [[where, *(text[:LONGEST_EXAMPLE] for text in texts)] for where, *texts in examples]
        page.table(["where", "before", "after"], cut)


def _distributions(page: Page, before: dict[str, Spread], after: dict[str, Spread]) -> None:
    changed = [name for name in before if name in after and before[name] != after[name]]
    if not changed:
        return
    page.heading("Numbers before and after")
    columns = ["column", "rows", "missing", "zero", "negative"]
    lines = []
    for name in changed:
        for when, s in (("before", before[name]), ("after", after[name])):
            lines.append([f"{name}, {when}", s.rows, s.missing, s.zero, s.negative])
    page.table(columns, lines)
    for name in changed:
        if before[name].steps and after[name].steps:
            words = f"Rows by {name} above 0 on a logarithmic scale, before and after cleaning."
            page.figure(spread_figure(name, before[name], after[name]), "", words)


def spread_figure(name: str, before: Spread, after: Spread) -> Figure:
    """Both distributions over the same logarithmic steps."""
    steps = sorted({*before.steps, *after.steps})
    span = np.arange(steps[0], steps[-1] + 2)
    figure = new_figure(height=2.8)
    ax = new_axes(figure, name, f"{name} (logarithmic)", "rows")
    for label, part, colour in (("before", before, PALETTE[1]), ("after", after, PALETTE[0])):
        counts = [part.steps.get(int(step), 0) for step in span[:-1]]
        ax.stairs(counts, 10 ** (span / STEPS_PER_DECADE), color=colour, linewidth=1.8, label=label)
    ax.set_xscale("log")
    ax.set_yscale("symlog")
    ax.legend(frameon=False)
    return with_fonts(figure)
