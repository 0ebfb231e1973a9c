"""Times as shops write them → UTC: a declared format, ISO 8601, unix time or the serial days of spreadsheets.

A time that no calendar or clock has (31 February, the hour that daylight saving skips), and one outside the declared
bounds, becomes null with a problem. Formats are compiled to regular expressions and the calendar is arithmetic: the
engines' own parsers stop the whole query at the first bad value, and accept different things.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from components.core.config import Config
from components.data import engine
from components.data.mapping import clock
from components.data.mapping.changes import FINE_EPOCH, TIME_ZONE, change
from components.data.mapping.reading import Stage, first_problem, problem, shown, text, value, words

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import FloatingValue, IntegerValue, StringValue, TimestampValue, Value

ISO, UNIX_S, UNIX_MS, UNIX_MIXED, EXCEL = "iso", "unix_s", "unix_ms", "unix_mixed", "excel"
EPOCHS = (UNIX_S, UNIX_MS, UNIX_MIXED)
TIMESTAMP = "timestamp(6)"
LARGEST_SECONDS, LARGEST_MILLISECONDS = 1e11, 1e14  # year 5138; what is larger is the next finer unit
FARTHEST = 1e16  # microseconds: the year 2286
DAY_ZERO = "1899-12-30 00:00:00"  # of Excel's serial days from March 1900 on
DAY_MS = 86_400_000
SERIAL = r"\A\s*([0-9]{1,6}(?:[.,][0-9]{1,15})?)\s*\z"
OFFSET_HOURS = "(?:0[0-9]|1[0-4])"  # no clock is farther from UTC than 14 hours
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
PARTS = {
    "Y": ("year", "[0-9]{4}"),
    "y": ("short_year", "[0-9]{2}"),
    "m": ("month", "[0-9]{1,2}"),
    "b": ("month_name", "[A-Za-z]{3}"),
    "B": ("month_name", "[A-Za-z]{3,9}"),
    "a": ("weekday", "[A-Za-z]{3}"),  # adds nothing to the date, and is not held against it
    "d": ("day", "[0-9]{1,2}"),
    "H": ("hour", "[0-9]{1,2}"),
    "I": ("half_day_hour", "[0-9]{1,2}"),
    "p": ("half", "(?:[AaPp][Mm]|上午|下午)"),
    "M": ("minute", "[0-9]{1,2}"),
    "S": ("second", "[0-9]{1,2}"),
    "f": ("fraction", "[0-9]{1,9}"),
    "z": ("zone", f"(?:Z|z|UTC|GMT|[+-]{OFFSET_HOURS}:?[0-5][0-9])"),
}
ISO_PATTERN = (
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[T ]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?"
    rf" ?(Z|UTC|[+-]{OFFSET_HOURS}(?::?[0-5][0-9])?)?)?"
)
ISO_PARTS = ("year", "month", "day", "hour", "minute", "second", "fraction", "zone")


class TimeFormat(Config):
    """How a column tells the time.

    format     "iso" (2024-03-31 14:05:00.25+02:00, parts from the hours on may lack), "unix_s", "unix_ms",
               "unix_mixed" (seconds, milliseconds or microseconds, told apart by their size), "excel" (days since
               1899-12-30 as spreadsheets count them, 45123.5; iso among them is read too), or a pattern of strptime
    zone       the clock that wrote it, where the value itself names no offset
    ambiguous  the hour that is shown twice when clocks go back: the "earlier" one, the "later" one, or a "problem"
    earliest   a time before this day (UTC) is a problem
    latest     so is one after this day
    """

    format: str = ISO
    zone: str = "UTC"
    ambiguous: Literal["earlier", "later", "problem"] = clock.EARLIER
    earliest: date = Field(date(1990, 1, 1), ge=date(1971, 1, 1))
    latest: date = Field(date(2050, 1, 1), le=date(2200, 1, 1))

    @field_validator("zone")
    @classmethod
    def _zone_is_known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (OSError, ValueError, KeyError):
            raise ValueError(f"unknown time zone '{zone}'; write it as in Europe/Berlin") from None
        return zone

    @model_validator(mode="after")
    def _can_be_read(self) -> TimeFormat:
        if self.earliest >= self.latest:
            raise ValueError("earliest must lie before latest")
        if self.format not in EPOCHS:
            pattern, parts = self.pattern
            re.compile(pattern)
            lacking = [name for name in ("year", "month", "day") if not _covers(parts, name)]
            if lacking:
                raise ValueError(f"format '{self.format}' has no {', '.join(lacking)}; use iso, unix_s or a pattern")
        return self

    @cached_property
    def pattern(self) -> tuple[str, tuple[str, ...]]:
        """Regular expression of the format, and what its groups hold."""
        return (ISO_PATTERN, ISO_PARTS) if self.format in (ISO, EXCEL) else _compiled(self.format)


def read_time(raw: str, name: str, form: TimeFormat, missing: tuple[str, ...] = ("",)) -> list[Stage]:
    """A column as UTC times without a zone, to the microsecond.

    Text and numbers are read by the format; columns that are times already are only brought to UTC.
    """

    def written(t: Table) -> dict[str, Value]:
        kind = t[raw].type()
        if kind.is_timestamp() or kind.is_date():
            named = kind.is_timestamp() and kind.timezone is not None  # an instant already, whatever the clock
            return _moment(name, t[raw].cast(TIMESTAMP), utc=named) | {shown(name): t[raw].cast("string")}
        return {shown(name): text(t[raw], missing)}

    def cut(t: Table) -> dict[str, Value]:
        if _is_told(t, name):
            return {}
        if form.format in EPOCHS:
            return _epoch_number(t[shown(name)], name)
        serial = _serial_number(t[shown(name)], name) if form.format == EXCEL else {}
        return _parts(t[shown(name)], name, form) | serial

    def joined(t: Table) -> dict[str, Value]:
        if _is_told(t, name):
            return {}
        if form.format in EPOCHS:
            number = t[f"{name}.number"]
            fine = (number.abs() >= LARGEST_SECONDS).fill_null(False)
            marks = {change(FINE_EPOCH, name): fine} if form.format == UNIX_MIXED else {}
            return _moment(name, _from_epoch(number, form.format), utc=True) | marks
        told = _from_parts(t, name, form)
        return told if form.format != EXCEL else told | _or_serial(t, name, told)

    def clocked(t: Table) -> dict[str, Value]:
        seconds = engine.unix_seconds(t[f"{name}.moment"])
        return {f"{name}.seconds": t[f"{name}.east"].isnull().ifelse(seconds, None)}

    def placed(t: Table) -> dict[str, Value]:
        local, year = t[f"{name}.seconds"], t[f"{name}.moment"].year().cast("int64")
        zone = clock.offset(local, year, form.zone, form.earliest, form.latest, form.ambiguous)
        return {f"{name}.east": local.isnull().ifelse(t[f"{name}.east"], zone)}

    def moved(t: Table) -> dict[str, Value]:
        east = t[f"{name}.east"]
        marks = {} if form.format in EPOCHS else {change(TIME_ZONE, name): (east != 0).fill_null(False)}
        return {f"{name}.utc": t[f"{name}.moment"] - east.as_interval("s")} | marks

    return [written, cut, joined, clocked, placed, moved, lambda t: _bounded(t, name, form)]


def _is_told(t: Table, name: str) -> bool:
    return f"{name}.moment" in t.columns


def _moment(name: str, moment: TimestampValue, *, utc: bool) -> dict[str, Value]:
    """The time as written, and how far east of UTC it was written where that is known."""
    import ibis

    return {f"{name}.moment": moment, f"{name}.east": ibis.literal(0, "int64") if utc else ibis.null("int64")}


def _parts(raw: StringValue, name: str, form: TimeFormat) -> dict[str, Value]:
    """The parts of a time as text; empty where it lacks them, all of them where it does not fit the format."""
    pattern, parts = form.pattern
    pattern = rf"\A\s*{pattern}\s*\z"
    cut = {part: raw.re_extract(pattern, group + 1) for group, part in enumerate(parts)}
    return {f"{name}.{part}": found for part, found in cut.items()}


def _from_parts(t: Table, name: str, form: TimeFormat) -> dict[str, Value]:
    import ibis

    given = {part: t[f"{name}.{part}"].nullif("") for part in form.pattern[1]}
    year, month, day, hour, minute, second = numbers = [_number(given, part) for part in ISO_PARTS[:6]]
    fits = t[f"{name}.{form.pattern[1][0]}"] != ""  # of a time that fits no first part is empty
    real = fits & month.between(1, 12) & day.between(1, 31) & (day <= _days_of(year, month))
    real &= hour.between(0, 23) & minute.between(0, 59) & second.between(0, 59)
    moment = real.fill_null(False).ifelse(_spelled(numbers), None).cast(TIMESTAMP)
    if "fraction" in given:
        moment += (given["fraction"].fill_null("0") + "00000").substr(0, 6).cast("int64").as_interval("us")
    east = _zone_seconds(given["zone"]) if "zone" in given else ibis.null("int64")
    return {f"{name}.moment": moment, f"{name}.east": east}


def _bounded(t: Table, name: str, form: TimeFormat) -> dict[str, Value]:
    """The time in UTC, held to the bounds, and what is wrong with it."""
    import ibis

    given, moment, utc = t[shown(name)].notnull(), t[f"{name}.moment"], t[f"{name}.utc"]
    first, last = (ibis.literal(f"{day} 00:00:00").cast(TIMESTAMP) for day in (form.earliest, form.latest))
    inside = ((utc >= first) & (utc <= last)).fill_null(False)
    never = "does not exist" + ("" if form.ambiguous != clock.PROBLEM else ", or exists twice,")
    return {
        value(name): inside.ifelse(utc, None).cast(TIMESTAMP),
        problem(name): first_problem(
            (given & moment.isnull(), words(name, t[shown(name)], f"is not a time written as {form.format}")),
            (given & utc.isnull(), words(name, t[shown(name)], f"{never} at the clock of {form.zone}")),
            (given & ~inside, words(name, t[shown(name)], f"lies outside {form.earliest} to {form.latest}")),
        ),
    }


def _epoch_number(raw: StringValue, name: str) -> dict[str, Value]:
    bare = raw.re_extract(r"\A\s*(-?[0-9]{1,17}(?:\.[0-9]{1,9})?)\s*\z", 1).nullif("")
    return {f"{name}.number": bare.cast("float64")}


def _serial_number(raw: StringValue, name: str) -> dict[str, Value]:
    bare = raw.re_extract(SERIAL, 1).nullif("").re_replace(",", ".")
    return {f"{name}.serial": bare.cast("float64")}


def _or_serial(t: Table, name: str, told: dict[str, Value]) -> dict[str, Value]:
    """The time of a date cell, else that of a number of days; to the millisecond, for 0.1 s is 1e-6 days."""
    import ibis

    whole = (t[f"{name}.serial"] * DAY_MS + 0.5).floor().cast("int64")
    counted = ibis.literal(DAY_ZERO).cast(TIMESTAMP) + (whole * 1000).as_interval("us")
    return {f"{name}.moment": told[f"{name}.moment"].coalesce(counted)}


def _from_epoch(number: FloatingValue, unit: str) -> TimestampValue:
    """The time so many seconds, milliseconds or microseconds after 1970 began."""
    import ibis

    scale = {UNIX_S: 1e6, UNIX_MS: 1e3}.get(unit)
    if scale is None:
        size = number.abs()
        scale = (size < LARGEST_SECONDS).ifelse(1e6, (size < LARGEST_MILLISECONDS).ifelse(1e3, 1.0))
    microseconds = number * scale
    whole = (microseconds.abs() < FARTHEST).ifelse(microseconds, None).cast("int64")
    return ibis.literal("1970-01-01 00:00:00").cast(TIMESTAMP) + whole.as_interval("us")


def _number(given: dict[str, StringValue], part: str) -> IntegerValue:
    """One part of a time as a number; what the format does not hold is 0."""
    import ibis

    if part == "year" and "short_year" in given:
        short = given["short_year"].cast("int64")
        return short + (short < 69).ifelse(2000, 1900)  # as strptime has it
    if part == "month" and "month_name" in given:
        first = given["month_name"].substr(0, 3).lower()
        return first.cases(*((name, number) for number, name in enumerate(MONTHS, 1)), else_=0).cast("int64")
    if part == "hour" and "half_day_hour" in given:
        hour = given["half_day_hour"].cast("int64")
        afternoon = given["half"].lower().isin(["pm", "下午"]) if "half" in given else ibis.literal(False)
        return hour.between(1, 12).ifelse(hour % 12 + afternoon.ifelse(12, 0), 99)
    if part not in given:
        return ibis.literal(0, "int64")
    return given[part].fill_null("0").cast("int64")


def _days_of(year: IntegerValue, month: IntegerValue) -> IntegerValue:
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    return month.isin([4, 6, 9, 11]).ifelse(30, (month == 2).ifelse(leap.ifelse(29, 28), 31))


def _spelled(numbers: list[IntegerValue]) -> StringValue:
    """The time in the one spelling that every engine casts alike."""
    year, month, day, hour, minute, second = (number.cast("string").lpad(2, "0") for number in numbers)
    return year.lpad(4, "0") + "-" + month + "-" + day + " " + hour + ":" + minute + ":" + second


def _zone_seconds(zone: StringValue) -> IntegerValue:
    """Seconds east of UTC of "+02:00", "+0200", "+02" or "Z"; null where nothing is said."""
    digits = zone.re_replace("[^0-9]", "") + "0000"
    seconds = digits.substr(0, 2).cast("int64") * 3600 + digits.substr(2, 2).cast("int64") * 60
    return zone.startswith("-").ifelse(-seconds, seconds)


def _covers(parts: tuple[str, ...], name: str) -> bool:
    return name in parts or {"year": "short_year", "month": "month_name"}.get(name) in parts


def _compiled(form: str) -> tuple[str, tuple[str, ...]]:
    """The regular expression of a strptime pattern and what its groups hold; ValueError on an unknown directive."""
    form = form.replace("%T", "%H:%M:%S").replace("%F", "%Y-%m-%d").replace("%R", "%H:%M")
    pattern, parts, rest = "", [], form
    while rest:
        sign, rest = rest[0], rest[1:]
        if sign != "%":
            pattern += r"\s+" if sign.isspace() else re.escape(sign)
            continue
        sign, rest = rest[:1], rest[1:]
        if sign == "%":
            pattern += "%"
        elif sign in PARTS and PARTS[sign][0] not in parts:
            part, piece = PARTS[sign]
            pattern, parts = pattern + f"({piece})", [*parts, part]
        else:
            known = " ".join(f"%{known}" for known in PARTS)
            raise ValueError(f"format '{form}': %{sign} is not known, or there twice; known: {known} %F %T %R %%")
    return pattern, tuple(parts)
