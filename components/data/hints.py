"""Hints: what a column that cannot be read looks like instead, in the words of params.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterable

STOOD = re.compile(r"\A'(.*)' is not a (time|number)", re.DOTALL)
CLOCK = ((r" \d{1,2}:\d\d:\d\d", " %H:%M:%S"), (r" \d{1,2}:\d\d", " %H:%M"), ("", ""))
DAYS = (
    (r"\d{1,2}\.\d{1,2}\.\d{4}", "%d.%m.%Y"),
    (r"\d{4}/\d{1,2}/\d{1,2}", "%Y/%m/%d"),
    (r"\d{4}\.\d{1,2}\.\d{1,2}", "%Y.%m.%d"),
    (r"(?:1[3-9]|2\d|3[01])/\d{1,2}/\d{4}", "%d/%m/%Y"),
    (r"\d{1,2}/(?:1[3-9]|2\d|3[01])/\d{4}", "%m/%d/%Y"),
    (r"\d{8}", "%Y%m%d"),
)
EPOCHS = ((r"\d{9,10}(?:\.\d+)?", "unix_s"), (r"\d{12,13}", "unix_ms"), (r"\d{15,16}", "unix_mixed"))
NUMBERS = (
    (r"-?\d{1,3}(?:\.\d{3})+,\d+", '{decimal: ",", thousands: "."}'),
    (r"-?\d+,\d{1,2}", '{decimal: ","}'),
    (r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", '{thousands: ","}'),
)


def hint(problems: Iterable[str]) -> str:
    """What to declare, judged by words such as "'1,50' is not a number"; empty where they do not tell.

    Several epochs in one column are `unix_mixed`; a day and a month that could be either are not guessed at.
    """
    found = [match.groups() for match in map(STOOD.match, problems) if match]
    times = {_form(text, _times()) for text, kind in found if kind == "time"}
    numbers = {_form(text, NUMBERS) for text, kind in found if kind == "number"}
    if len(times) > 1 and times <= {form for _, form in EPOCHS}:
        times = {"unix_mixed"}
    if times & {"%d/%m/%Y", "%m/%d/%Y"}:
        times -= {""}  # 03/04 among 03/14
    told = [f'time: {{format: "{form}"}}' for form in times if form and len(times) == 1]
    told += [f"numbers: {form}" for form in numbers if form and len(numbers) == 1]
    return " and ".join(told)


def _times() -> list[tuple[str, str]]:
    clocks = [(day + at, form + clock) for day, form in DAYS for at, clock in CLOCK]
    return [*EPOCHS, *clocks]


def _form(text: str, forms: Iterable[tuple[str, str]]) -> str:
    return next((form for pattern, form in forms if re.fullmatch(pattern, text)), "")
