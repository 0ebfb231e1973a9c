"""One self-contained HTML page: opens from disk, without a network, in light and dark.

Everything given to a page is text and is escaped; nobody's product title becomes markup.
"""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from components.core.bundle import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOTHING = "–"
SIGNIFICANT_DIGITS = 4
LONG_WORD = re.compile(r"\S{30}")  # would push the columns to its right off the page
NUMERIC_TEXT = re.compile(r"[\d\s.,;:%+\-−–…\[\](){}<>≤≥×±€$£]*\d[\d\s.,;:%+\-−–…\[\](){}<>≤≥×±€$£]*")

# A page that may load nothing cannot leak that it was opened, even if escaping failed somewhere.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #dde2e9; --paper: #ffffff; --ground: #f5f7fa;
  --band: #f0f3f7; --accent: #0b62a4; --good: #0a6b4b; --good-ground: #e2f4ec; --bad: #a3311f; --bad-ground: #fbe9e5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa6b5; --line: #333c48; --paper: #1b212a;
  --ground: #12161c; --band: #232b36; --accent: #6db5ea; --good: #7fdcb4; --good-ground: #12352a; --bad: #ffab9a;
  --bad-ground: #411d17; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); line-height: 1.55; font-size: 16px;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", "PingFang SC",
  "Microsoft YaHei", "WenQuanYi Micro Hei", sans-serif; overflow-wrap: break-word; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0; }
h2 { font-size: 1.2rem; margin: 2.25rem 0 .5rem; padding-top: 1.25rem; border-top: 1px solid var(--line); }
.subtitle { color: var(--soft); margin: .35rem 0 1.5rem; }
p { margin: .6rem 0; max-width: 46rem; white-space: pre-line; }
.verdict { display: flex; gap: .75rem; align-items: baseline; border-radius: .5rem; padding: .8rem 1rem;
  margin: 1.25rem 0; font-weight: 600; border-left: .35rem solid currentColor; }
.verdict.good { color: var(--good); background: var(--good-ground); }
.verdict.bad { color: var(--bad); background: var(--bad-ground); }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; margin: 1rem 0;
  background: var(--paper); }
/* A wide table leaves the column of text to the right, as far as the window goes. */
.scroll { width: max-content; min-width: 100%; max-width: calc(100% + max(0px, (100vw - 64rem) / 2)); }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
caption { text-align: left; color: var(--soft); padding: .6rem .8rem; font-size: .88rem; }
th, td { padding: .42rem .8rem; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
thead th { background: var(--band); border-top: 0; font-weight: 600; white-space: nowrap; }
tbody tr:hover { background: var(--band); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.long { overflow-wrap: anywhere; min-width: 14rem; }
figure { margin: 1rem 0; }
figure img { display: block; width: min(100%, 50rem); height: auto; background: #fff; border: 1px solid var(--line);
  border-radius: .5rem; padding: .5rem; }
figcaption { color: var(--soft); font-size: .88rem; margin-top: .4rem; max-width: 46rem; }
@media print { body { background: #fff; } .scroll { overflow: visible; } }
"""


class Page:
    """A page that is filled from top to bottom; every method returns the page, so that calls chain."""

    def __init__(self, title: str, subtitle: str = ""):
        """title also names the browser's tab; subtitle says what the page is about in one line."""
        self.title = title
        self.subtitle = subtitle
        self._parts: list[str] = []

    def heading(self, text: str) -> Page:
        """Start a section."""
        return self._add(f"<h2>{escape(text)}</h2>")

    def text(self, paragraph: str) -> Page:
        """A paragraph; line breaks in it are kept."""
        return self._add(f"<p>{escape(paragraph)}</p>")

    def verdict(self, ok: bool, words: str) -> Page:
        """A banner that says in words and by a sign, not by colour alone, whether all is well."""
        kind, sign = ("good", "✓") if ok else ("bad", "✗")
        return self._add(
            f'<div class="verdict {kind}" role="status"><span>{sign}</span><span>{escape(words)}</span></div>'
        )

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Any]], caption: str = "") -> Page:
        """A table; columns of numbers stand on the right, None and NaN show as a dash.

        rows    one sequence per row, as long as `columns`
        Raises  ValueError if a row has another length.
        """
        for row in rows:
            if len(row) != len(columns):
                raise ValueError(f"page: a row of {len(row)} cells in a table of {len(columns)} columns: {row!r}")
        numeric = [_is_numeric([row[i] for row in rows]) for i in range(len(columns))]
        head = _row("th", columns, numeric, ' scope="col"')
        body = "".join(_row("td", [cell_text(value) for value in row], numeric) for row in rows)
        words = f"<caption>{escape(caption)}</caption>" if caption else ""
        return self._add(
            f'<div class="scroll" tabindex="0"><table>{words}<thead>{head}</thead><tbody>{body}</tbody></table></div>'
        )

    def figure(self, figure: Figure, caption: str, alt: str) -> Page:
        """A matplotlib figure as an embedded drawing; alt says in words what the picture shows."""
        words = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
        return self._add(f'<figure><img src="{_data_uri(figure)}" alt="{escape(alt)}">{words}</figure>')

    def html(self) -> str:
        """The whole page."""
        subtitle = f'<p class="subtitle">{escape(self.subtitle)}</p>' if self.subtitle else ""
        return (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(self.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
            f"<h1>{escape(self.title)}</h1>\n{subtitle}\n" + "\n".join(self._parts) + "\n</main>\n</body>\n</html>\n"
        )

    def write(self, path: Path) -> Path:
        """Write the page atomically and return its path."""
        write_text(Path(path), self.html())
        return Path(path)

    def _add(self, part: str) -> Page:
        self._parts.append(part)
        return self


def cell_text(value: Any) -> str:
    """A table cell as a person reads it: 1,234 for whole numbers, four significant digits for others."""
    if value is None or (isinstance(value, float | np.floating) and math.isnan(value)):
        return NOTHING
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if isinstance(value, float | np.floating):
        return _float_text(float(value))
    return str(value)


def _float_text(value: float) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value != 0 and not 1e-4 <= abs(value) < 1e12:
        return f"{value:.{SIGNIFICANT_DIGITS - 1}e}"
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    return f"{value:,.{max(SIGNIFICANT_DIGITS - whole, 0)}f}"


def _is_numeric(values: list[Any]) -> bool:
    return bool(values) and all(
        value is None
        or (isinstance(value, int | float | np.number) and not isinstance(value, bool))
        or (isinstance(value, str) and (value == NOTHING or bool(NUMERIC_TEXT.fullmatch(value))))
        for value in values
    )


def _row(tag: str, cells: Sequence[str], numeric: list[bool], attributes: str = "") -> str:
    parts = []
    for cell, number in zip(cells, numeric, strict=True):
        kind = ' class="number"' if number else ' class="long"' if LONG_WORD.search(str(cell)) else ""
        parts.append(f"<{tag}{attributes}{kind}>{escape(str(cell))}</{tag}>")
    return f"<tr>{''.join(parts)}</tr>"


def _data_uri(figure: Figure) -> str:
    """The figure as SVG; the same figure gives the same bytes, so that a report changes only when its content does."""
    from matplotlib import rc_context

    drawing = io.BytesIO()
    with rc_context({"svg.hashsalt": "shoploop"}):
        figure.savefig(drawing, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(drawing.getvalue()).decode()
