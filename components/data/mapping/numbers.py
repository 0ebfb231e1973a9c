"""Numbers as shops write them: decimal comma, thousands sign, currency sign; what is no finite number is a problem."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from components.core.config import Config
from components.data.mapping.changes import NEGATIVE_ZERO, change
from components.data.mapping.reading import EXACT, Stage, first_problem, problem, shown, text, value, words

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import StringValue, Value

CURRENCY_SIGNS = "€$£¥￥元円₹₽₩₺"
HARD_SPACES = "[\u00a0\u202f]"  # what typesetters put between groups of digits, and before the sign of currency
NEGATIVE = r"\A[^0-9.,]*-"  # how a number below zero, or a negative zero, is written
LARGEST = 1e15  # float64 holds every cent and every whole number up to here; no shop sells for more


class NumberFormat(Config):
    """How numbers are written.

    decimal    sign before the fraction
    thousands  sign between groups of three digits; a number grouped otherwise is a problem, not a guess
    largest    a number beyond it, up or down, is a problem
    """

    decimal: str = Field(".", min_length=1, max_length=1)
    thousands: str = Field("", max_length=1)
    largest: float = Field(LARGEST, gt=0, le=EXACT)

    @model_validator(mode="after")
    def _signs_differ(self) -> NumberFormat:
        if self.decimal == self.thousands or re.search(r"[\d+eE-]", self.decimal + self.thousands):
            raise ValueError("decimal and thousands must be two different signs, and no digits")
        return self

    @property
    def pattern(self) -> str:
        """Regular expression of a number without spaces and signs of currency."""
        decimal, whole = re.escape(self.decimal), "[0-9]+"
        if self.thousands:
            whole = rf"(?:[0-9]{{1,3}}(?:{re.escape(self.thousands)}[0-9]{{3}})+|[0-9]+)"
        return rf"\A-?(?:{whole}(?:{decimal}[0-9]*)?|{decimal}[0-9]+)(?:[eE][+-]?[0-9]{{1,2}})?\z"


def read_number(raw: str, name: str, form: NumberFormat, missing: tuple[str, ...] = ("",)) -> list[Stage]:
    """A column as float64; infinity, NaN, what is no number and what is too large become null with a problem.

    Negative zero becomes zero.
    """

    def written(t: Table) -> dict[str, Value]:
        kind = t[raw].type()
        if not (kind.is_numeric() or kind.is_boolean()):
            given = text(t[raw], missing)
            return {shown(name): given, f"{name}.bare": given.re_search(form.pattern).ifelse(given, _bare(given))}
        number = t[raw].cast("float64")
        bad = (number.isnan() | number.isinf()).fill_null(False)
        stood = bad.ifelse(number.isnan().ifelse("nan", (number > 0).ifelse("inf", "-inf")), t[raw].cast("string"))
        return {shown(name): stood, f"{name}.fits": ~bad, f"{name}.number": bad.ifelse(0.0, number)}

    def counted(t: Table) -> dict[str, Value]:
        if f"{name}.bare" not in t.columns:
            return {}
        bare = t[f"{name}.bare"]
        fits = bare.re_search(form.pattern)
        plain = bare.replace(form.thousands, "") if form.thousands else bare
        plain = plain.replace(form.decimal, ".") if form.decimal != "." else plain
        return {f"{name}.fits": fits, f"{name}.number": fits.ifelse(plain, None).cast("float64")}

    return [written, counted, lambda t: _bounded(t, name, form.largest)]


def read_integer(raw: str, name: str, form: NumberFormat, missing: tuple[str, ...] = ("",)) -> list[Stage]:
    """A column as int64; a number with a fraction is a problem."""

    def whole(t: Table) -> dict[str, Value]:
        number = t[value(name)]
        broken = (number % 1 != 0).fill_null(False)
        said = words(name, t[shown(name)], "is not a whole number")
        return {
            value(name): broken.ifelse(None, number).cast("int64"),
            problem(name): first_problem((broken, said), (t[problem(name)].notnull(), t[problem(name)])),
        }

    return [*read_number(raw, name, form, missing), whole]


def _bare(given: StringValue) -> StringValue:
    """The number without spaces around it and signs of currency; most numbers have none, and never come here."""
    soft = given.re_replace(HARD_SPACES, " ").re_replace(f"[{CURRENCY_SIGNS}]", "")
    return soft.re_replace(r"\A\s*\+|\A\s+|\s+\z", "").re_replace(r"\A-\s+", "-").nullif("")


def _bounded(t: Table, name: str, largest: float) -> dict[str, Value]:
    number, fits = t[f"{name}.number"], t[f"{name}.fits"]
    small = number.abs() <= largest
    good = (fits & small).fill_null(False)
    zero = (good & (number == 0)).fill_null(False)
    return {
        change(NEGATIVE_ZERO, name): zero.ifelse(t[shown(name)].re_search(NEGATIVE).fill_null(False), False),
        value(name): good.ifelse(number + 0.0, None).cast("float64"),  # -0.0 + 0.0 is 0.0
        problem(name): first_problem(
            (~fits, words(name, t[shown(name)], "is not a number")),
            (~small, words(name, t[shown(name)], f"is beyond {largest:g}")),
        ),
    }
