"""The same clean events in ten shapes and more, each declared as a shop would; none may raise an alarm."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.core import schema as s
from components.core.config import parse
from components.data.sources.tables import Tables, TablesConfig
from tests.data.hostile.workbook import Day, workbook

NAMES = ("customer", "product", "when", "paid", "units")
COLUMNS = dict(zip((s.USER_ID, s.ITEM_ID, s.TIMESTAMP, s.VALUE, s.QUANTITY), NAMES, strict=True))
GERMAN = "%d.%m.%Y %H:%M:%S"
FIRST = datetime(2024, 3, 5, 10)  # noqa: DTZ001 - canonical times are UTC without a zone
EVENTS = [
    (f"00{i % 4}", f'Käse, 5" №{i % 5}', FIRST + timedelta(hours=5 * i), 0.25 + i % 7, float(1 + i % 3))
    for i in range(40)
]


@dataclass(frozen=True)
class Shape:
    """A clean file or folder of files: its maker, and what params say of it beside the columns."""

    name: str
    make: Callable[[Path], object]
    params: dict[str, Any] = field(default_factory=dict)


def lines(
    delimiter: str = ",", end: str = "\n", time: str = "%Y-%m-%dT%H:%M:%S", decimal: str = ".", part=slice(None)
) -> str:
    """The events as CSV, with quotes where they are needed."""
    rows = [
        NAMES,
        *((u, i, t.strftime(time), f"{v:.2f}".replace(".", decimal), f"{q:.0f}") for u, i, t, v, q in EVENTS[part]),
    ]
    return "".join(delimiter.join(_quoted(x, delimiter) for x in row) + end for row in rows)


def _quoted(text: str, delimiter: str) -> str:
    return '"' + text.replace('"', '""') + '"' if delimiter in text or '"' in text else text


def text(name: str, content: str, encoding: str = "utf-8") -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content.encode(encoding))


def days(folder: Path) -> None:
    for i in range(4):
        text(f"day{i}.csv", lines(part=slice(10 * i, 10 * i + 10)))(folder)


def zipped_days(folder: Path) -> None:
    with zipfile.ZipFile(folder / "days.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README", "four days")
        for i in range(4):
            archive.writestr(f"days/{i}.csv", lines(part=slice(10 * i, 10 * i + 10)))


def json_lines() -> str:
    rows = [dict(zip(NAMES, (u, i, t.isoformat(), v, int(q)), strict=True)) for u, i, t, v, q in EVENTS]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def excel(folder: Path) -> None:
    rows = [[u, i, Day((t - datetime(1899, 12, 30)) / timedelta(days=1)), v, q] for u, i, t, v, q in EVENTS]  # noqa: DTZ001
    workbook([list(NAMES), *rows])(folder)


def parquet(folder: Path) -> None:
    users, items, times, values, units = zip(*EVENTS, strict=True)
    table = pa.table([pa.array(users), pa.array(items).dictionary_encode(), pa.array(times, pa.timestamp("ns")),
                      pa.array(values), pa.array(map(int, units), pa.int32())], names=NAMES)  # fmt: skip
    pq.write_table(table, folder / "events.parquet")


def unix(folder: Path) -> None:
    epoch = datetime(1970, 1, 1)  # noqa: DTZ001
    rows = ["::".join((u, i, f"{(t - epoch).total_seconds():.0f}", f"{v}", f"{q:.0f}")) for u, i, t, v, q in EVENTS]
    text("events.dat", "\n".join(rows) + "\n")(folder)


SHAPES = [
    Shape("comma, UTF-8", text("events.csv", lines())),
    Shape("semicolon, decimal comma, German dates", text("events.csv", lines(";", time=GERMAN, decimal=",")),
          {"numbers": {"decimal": ","}, "time": {"format": GERMAN}}),
    Shape("tab, Windows line ends", text("events.tsv", lines("\t", end="\r\n"))),
    Shape("byte order mark", text("events.csv", lines(), "utf-8-sig")),
    Shape("UTF-16 text of Excel", text("events.csv", lines("\t", end="\r\n"), "utf-16")),
    Shape("GB18030, declared", text("events.csv", lines(), "gb18030"), {"format": {"encoding": "gb18030"}}),
    Shape("gzip", lambda folder: (folder / "events.csv.gz").write_bytes(gzip.compress(lines().encode()))),
    Shape("a file per day", days),
    Shape("a zip of days", zipped_days, {"format": {"members": "days/*.csv"}}),
    Shape("JSON lines", text("events.jsonl", json_lines())),
    Shape("Excel", excel),
    Shape("parquet", parquet),
    Shape("long delimiter, no header, unix time", unix,
          {"format": {"delimiter": "::", "header": False, "columns": list(NAMES)}, "time": {"format": "unix_s"}}),
]  # fmt: skip


def source(shape: Shape, folder: Path) -> Tables:
    """The `tables` source of the shape whose files lie in `folder`."""
    params = {"interactions": {"files": str(folder), "columns": COLUMNS, **shape.params}}
    return Tables(parse(TablesConfig, params, "source tables"))
