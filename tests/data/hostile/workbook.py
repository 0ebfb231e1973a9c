"""The smallest Excel workbook that Excel would open, written by hand: cells are text, numbers, or dates of style 1."""

from __future__ import annotations

import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPES = (
    f'<Types xmlns="{PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)
ROOT = (
    f'<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22" applyNumberFormat="1"/>'
    "</cellXfs></styleSheet>"
)


class Day(float):
    """A date as Excel keeps it: days since 30 December 1899."""


def workbook(*sheets: list[list], far: str | None = None, name: str = "events.xlsx"):
    """A maker of a workbook; `far` is the place of one more cell in its first sheet."""

    def make(folder: Path) -> None:
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("[Content_Types].xml", TYPES)
            archive.writestr("_rels/.rels", ROOT)
            archive.writestr("xl/styles.xml", STYLES)
            archive.writestr("xl/workbook.xml", _book(len(sheets)))
            archive.writestr("xl/_rels/workbook.xml.rels", _relations(len(sheets)))
            for i, rows in enumerate(sheets, 1):
                archive.writestr(f"xl/worksheets/sheet{i}.xml", _sheet(rows, far if i == 1 else None))

    return make


def _book(count: int) -> str:
    sheets = "".join(f'<sheet name="Sheet {i}" sheetId="{i}" r:id="s{i}"/>' for i in range(1, count + 1))
    return f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{sheets}</sheets></workbook>'


def _relations(count: int) -> str:
    sheets = "".join(
        f'<Relationship Id="s{i}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{i}.xml"/>'
        for i in range(1, count + 1)
    )
    styles = f'<Relationship Id="st" Type="{OFFICE}/styles" Target="styles.xml"/>'
    return f'<Relationships xmlns="{PACKAGE}/relationships">{sheets}{styles}</Relationships>'


def _sheet(rows: list[list], far: str | None) -> str:
    lines = [
        f'<row r="{i}">{"".join(_cell(v, j, i) for j, v in enumerate(row))}</row>' for i, row in enumerate(rows, 1)
    ]
    if far:
        lines.append(f'<row r="{far.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")}"><c r="{far}"><v>1</v></c></row>')
    return f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _cell(value, column: int, row: int) -> str:
    place = f"{chr(65 + column)}{row}"
    if value is None:
        return ""
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    style = ' s="1"' if isinstance(value, Day) else ""
    return f'<c r="{place}"{style}><v>{float(value)!r}</v></c>'
