"""Hostile values: each stands in one row of a CSV file that the `tables` source maps, between rows without fault."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from components.core import schema as s
from components.core.config import parse
from components.data.mapping.times import TimeFormat
from components.data.sources.tables import Tables, TablesConfig
from tests.data.hostile.case import ACCEPTED, QUARANTINED

GOOD = {"user": "u1", "item": "i1", "at": "2024-03-05T10:00:00", "price": "2.50", "qty": "1", "note": ""}
COLUMNS = {s.USER_ID: "user", s.ITEM_ID: "item", s.TIMESTAMP: "at", s.VALUE: "price", s.QUANTITY: "qty"}
BERLIN = {"format": "iso", "zone": "Europe/Berlin"}
SECONDS, MIXED = {"format": "unix_s"}, {"format": "unix_mixed"}
OUTSIDE = f"lies outside {TimeFormat().earliest} to {TimeFormat().latest}"
LONG = "i" * 10_000


@dataclass(frozen=True)
class ValueCase:
    """A value in one of the shop's columns.

    column, text  where it stands and what it is
    words         part of the row's problem; "" where it is accepted
    canonical     the canonical column and the value it must have
    time          how times are declared to be written
    """

    name: str
    what: str
    column: str
    text: str
    canonical: tuple[str, object]
    words: str = ""
    time: tuple[tuple[str, str], ...] = tuple(BERLIN.items())

    @property
    def verdict(self) -> str:
        """Quarantined if a problem is told."""
        return QUARANTINED if self.words else ACCEPTED


def at(*parts: int) -> datetime:
    return datetime(*parts)  # noqa: DTZ001 - canonical times are UTC without a zone


def _unreadable(name: str, what: str, column: str, text: str, words: str, time: dict = BERLIN) -> ValueCase:
    canonical = {raw: mapped for mapped, raw in COLUMNS.items()}[column]
    return ValueCase(
        name, what, column, text, (canonical, None), f"{canonical}: '{text[:40]}' {words}", (*time.items(),)
    )


VALUES = [
    _unreadable("1e308", "a price at the edge of what a float holds", "price", "1e308", "is not a number"),
    _unreadable("a price of 10¹⁸", "a number no shop charges", "price", "1e18", "is beyond 1e+15"),
    _unreadable("infinity", "a price 'inf'", "price", "inf", "is not a number"),
    _unreadable("NaN", "a price 'NaN'", "price", "NaN", "is not a number"),
    ValueCase("negative zero", "a price '-0.0', which sorts otherwise than 0", "price", "-0.0", (s.VALUE, 0.0)),
    _unreadable("an integer beyond 64 bits", "a quantity of 2⁶⁴ + 1", "qty", "18446744073709551617", "is beyond 1e+15"),
    _unreadable("a word for a number", "a price 'n/a' that params do not name as missing", "price", "n/a",
                "is not a number"),
    _unreadable("a decimal comma", "'2,50' where params say a decimal point", "price", "2,50", "is not a number"),
    ValueCase("leading zeros", "the id 0007, which is not 7", "user", "0007", (s.USER_ID, "0007")),
    ValueCase("an id of a number beyond 64 bits", "the id 18446744073709551617", "item", "18446744073709551617",
              (s.ITEM_ID, "18446744073709551617")),
    ValueCase("blanks inside an id", "the id 'a b'", "item", "a b", (s.ITEM_ID, "a b")),
    ValueCase("emoji in an id", "the id '🛒é'", "item", "🛒é", (s.ITEM_ID, "🛒é")),
    ValueCase("an id of 10,000 characters, mapped", "whole; validate sets it aside", "item", LONG, (s.ITEM_ID, LONG)),
    ValueCase("an SQL-like id", "'; DROP TABLE interactions; --", "user", "'; DROP TABLE interactions; --",
              (s.USER_ID, "'; DROP TABLE interactions; --")),
    ValueCase("a formula-like id", '=HYPERLINK("http://x","y")', "item", '=HYPERLINK("http://x","y")',
              (s.ITEM_ID, '=HYPERLINK("http://x","y")')),
    ValueCase("an id of markup", "<script>alert(1)</script>", "item", "<script>alert(1)</script>",
              (s.ITEM_ID, "<script>alert(1)</script>")),
    ValueCase("a word for nothing as an item", "NULL, nan, None, \\N …: none, unless `ids` in params "
              "says otherwise", "item", "NULL", (s.ITEM_ID, None)),
    ValueCase("a whole number with .0 as an id", "17.0, as pandas writes 17 in a column with gaps: it is 17", "user",
              "17.0", (s.USER_ID, "17")),
    ValueCase("blanks around an id", "'A17   ', as a database pads a column of fixed width: it is A17", "item",
              "A17   ", (s.ITEM_ID, "A17")),
    ValueCase("spaces that nobody sees", "a no-break space before an id and a zero-width one after it", "item",
              "\u00a0A17\u200b", (s.ITEM_ID, "A17")),
    _unreadable("an id that a spreadsheet rounded", "4.00638E+12 was 4006381333931, and so were others", "item",
                "4.00638E+12", "is a number that a spreadsheet has rounded, not an id; export the column as text"),
    ValueCase("an id of composed or decomposed letters", "é as e and an accent (NFD): it is the é of one code point",
              "user", "cafe\u0301", (s.USER_ID, "caf\u00e9")),
    _unreadable("an offset that no clock has", "2024-03-05T10:00:00+25:99", "at", "2024-03-05T10:00:00+25:99",
                "is not a time written as iso"),
    _unreadable("31 February", "a day that no calendar has", "at", "2024-02-31T10:00:00",
                "is not a time written as iso"),
    _unreadable("29 February of a common year", "nor 2023-02-29", "at", "2023-02-29", "is not a time written as iso"),
    _unreadable("25 o'clock", "an hour that no clock has", "at", "2024-02-01T25:00:00", "is not a time written as iso"),
    _unreadable("the hour that daylight saving skips", "02:30 of 31 March 2024 in Berlin", "at", "2024-03-31T02:30:00",
                "does not exist at the clock of Europe/Berlin"),
    ValueCase("the hour that comes twice", "02:30 of 27 October 2024 in Berlin: the earlier one unless params say else",
              "at", "2024-10-27T02:30:00", (s.TIMESTAMP, at(2024, 10, 27, 0, 30))),
    ValueCase("a leap day", "29 February 2024 is there", "at", "2024-02-29T10:00:00",
              (s.TIMESTAMP, at(2024, 2, 29, 9, 0))),
    _unreadable("1 January 1970", "what a program writes that had no time", "at", "1970-01-01T00:00:00",
                OUTSIDE),
    _unreadable("the year 9999", "what a database writes for 'never'", "at", "9999-12-31T00:00:00",
                OUTSIDE),
    _unreadable("another time format", "05/03/2024 where params say iso", "at", "05/03/2024",
                "is not a time written as iso"),
    _unreadable("the epoch itself", "unix time 0", "at", "0", OUTSIDE, SECONDS),
    _unreadable("milliseconds among seconds", "a time a thousand times too large, declared unix_s", "at",
                "1709632800000", "is not a time written as unix_s", SECONDS),
    _unreadable("seconds among milliseconds", "a time a thousand times too small, declared unix_ms", "at",
                "1709632800", OUTSIDE, {"format": "unix_ms"}),
    ValueCase("seconds and milliseconds, declared mixed", "told apart by their size", "at", "1709632800000",
              (s.TIMESTAMP, at(2024, 3, 5, 10)), time=(*MIXED.items(),)),
    ValueCase("seconds, declared mixed", "told apart by their size", "at", "1709632800",
              (s.TIMESTAMP, at(2024, 3, 5, 10)), time=(*MIXED.items(),)),
]  # fmt: skip


def write_csv(path: Path, rows: Iterable[dict[str, str]]) -> None:
    """Rows as a CSV file with every field quoted."""
    with open(path, "w", encoding="utf-8", newline="") as f:
        writer = csv.DictWriter(f, list(GOOD), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)


def source(files: str, time: dict[str, str] = BERLIN) -> Tables:
    """The `tables` source with a mapping of these columns."""
    params = {"interactions": {"files": files, "columns": COLUMNS, "time": time, "attributes": []}}
    return Tables(parse(TablesConfig, params, "source tables"))
