"""Hints: what a column that cannot be read looks like instead, in the words of params.yaml."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

STOOD = re.compile(r"'(.*?)' is not a (time|number)", re.DOTALL)
MOSTLY = 0.9  # of the values that cannot be read look alike; the rest are faults of their own
HM = r"\d{1,2}:\d\d"
SECONDS = ((r":\d\d", ":%S"), ("", ""))
HALVES = ((r" [AaPp][Mm]", " %p"), (r"[AaPp][Mm]", "%p"))  # of the day
CLOCK = (
    *((rf" (?:上午|下午){gap}{HM}{s}", f" %p{gap}%I:%M{form}") for gap in (" ", "") for s, form in SECONDS),
    *((rf" {HM}{s}{half}", f" %I:%M{form}{p}") for s, form in SECONDS for half, p in HALVES),
    *((rf" {HM}{s}", f" %H:%M{form}") for s, form in SECONDS),
    ("", ""),
)
LATE = r"(?:1[3-9]|2\d|3[01])"  # a day that is no month
DAYS = (
    (r"\d{1,2}\.\d{1,2}\.\d{4}", "%d.%m.%Y"),
    (r"\d{4}-\d{1,2}-\d{1,2}", "%Y-%m-%d"),
    (r"\d{4}/\d{1,2}/\d{1,2}", "%Y/%m/%d"),
    (r"\d{4}\.\d{1,2}\.\d{1,2}", "%Y.%m.%d"),
    (r"\d{4}年\d{1,2}月\d{1,2}日", "%Y年%m月%d日"),
    *((rf"{LATE}{sign}\d{{1,2}}{sign}\d{{4}}", f"%d{sign}%m{sign}%Y") for sign in "/-"),
    *((rf"\d{{1,2}}{sign}{LATE}{sign}\d{{4}}", f"%m{sign}%d{sign}%Y") for sign in "/-"),
    (r"\d{1,2}\.\d{1,2}\.\d\d", "%d.%m.%y"),
    *((rf"{LATE}{sign}\d{{1,2}}{sign}\d\d", f"%d{sign}%m{sign}%y") for sign in "/-"),
    *((rf"\d{{1,2}}{sign}{LATE}{sign}\d\d", f"%m{sign}%d{sign}%y") for sign in "/-"),
    (r"\d{1,2}-[A-Za-z]{3}-\d{4}", "%d-%b-%Y"),
    (r"\d{1,2} [A-Za-z]{3,9} \d{4}", "%d %B %Y"),
    (r"[A-Za-z]{3,9} \d{1,2}, \d{4}", "%B %d, %Y"),
    (r"\d{8}", "%Y%m%d"),
)
EITHER = tuple(  # which is the month?
    (rf"\d{{1,2}}{sign}\d{{1,2}}{sign}{year}", f"%?{sign}%!{sign}{form}")
    for sign in "/-"
    for year, form in ((r"\d{4}", "%Y"), (r"\d\d", "%y"))
)
MAIL = ((rf"[A-Za-z]{{3}}, \d{{1,2}} [A-Za-z]{{3}} \d{{4}} {HM}:\d\d (?:GMT|[+-]\d{{4}})", "%a, %d %b %Y %H:%M:%S %z"),)
DIGITS = (
    (r"(?:19|20)\d{12}", "%Y%m%d%H%M%S"),
    (r"\d{8}T\d{6}", "%Y%m%dT%H%M%S"),
    (r"\d{8}T\d{6}(?:Z|[+-]\d\d:?\d\d)", "%Y%m%dT%H%M%S%z"),
)
EPOCHS = ((r"\d{9,10}(?:\.\d+)?", "unix_s"), (r"\d{12,13}", "unix_ms"), (r"\d{15,16}", "unix_mixed"))
SERIALS = ((r"[1-7]\d{4}(?:[.,]\d+)?", "excel"),)  # days: 1927 to 2118
TIMES = (
    *EPOCHS,
    *SERIALS,
    *DIGITS,
    *MAIL,
    *((day + at, form + clock) for day, form in (*DAYS, *EITHER) for at, clock in CLOCK),
)
NUMBERS = (
    (r"-?\d{1,3}(?:\.\d{3})+,\d+", '{decimal: ",", thousands: "."}'),
    (r"-?\d+,\d{1,2}", '{decimal: ","}'),
    (r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", '{thousands: ","}'),
)


def hint(problems: Iterable[str]) -> str:
    """What to declare, judged by words such as "'1,50' is not a number"; empty where they do not tell.

    Several epochs in one column are `unix_mixed`. Where a day and a month could be either, both forms are named: a
    person must know.
    """
    found = [match.groups() for problem in problems for match in STOOD.finditer(problem)]
    times = _time(Counter(_form(text, TIMES) for text, kind in found if kind == "time"))
    number = _leading(Counter(_form(text, NUMBERS) for text, kind in found if kind == "number"))
    told = [" or ".join(f'time: {{format: "{form}"}}' for form in times)] if times else []
    told += [f"numbers: {number}"] if number else []
    return " and ".join(told)


def _time(forms: Counter[str]) -> list[str]:
    """The form of nearly all times; both where day and month are not told apart; none where they differ."""
    epochs = {form for _, form in EPOCHS} & {*forms}
    if len(epochs) > 1:
        forms["unix_mixed"] = sum(forms.pop(form) for form in epochs)
    for unsure in [form for form in forms if "%?" in form]:
        told = [form for form in _either(unsure) if form in forms]
        if len(told) == 1:  # 03/04 among 03/14
            forms[told[0]] += forms.pop(unsure)
    found = _leading(forms)
    return _either(found) if "%?" in found else [found] if found else []


def _either(form: str) -> list[str]:
    """Day first, then month first."""
    return [form.replace("%?", first).replace("%!", second) for first, second in (("%d", "%m"), ("%m", "%d"))]


def _leading(forms: Counter[str]) -> str:
    """The form that nearly all have; empty where there is none."""
    form, n = max(forms.items(), key=lambda found: found[1], default=("", 0))
    return form if n >= MOSTLY * forms.total() else ""


def _form(text: str, forms: Iterable[tuple[str, str]]) -> str:
    return next((form for pattern, form in forms if re.fullmatch(pattern, text.strip(), re.ASCII)), "")
