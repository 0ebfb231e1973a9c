"""Ids as exports spell them: blanks around them go, words for nobody are missing, whole numbers lose the ".0" of gaps.

Everything else stays letter by letter: 007 is not 7, and "a b" is not "ab". Only which code points make a letter is no
matter: an é of two (as macOS and some databases write it) is the é of one, here as in the service (core/letters.py).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import Field

from components.core.config import Config
from components.data.mapping.changes import COMPOSED, NO_ID, PADDED_ID, POINT_ZERO, change
from components.data.mapping.reading import Stage, first_problem, problem, shown, text, value, words

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import StringValue, Value

# What pandas, R, JavaScript, SQL and its dumps write for nothing.
NOTHING = ("null", "(null)", "nan", "<na>", "na", "n/a", "none", "nil", "undefined", r"\N")
# Also what nobody sees: no-break and typographic spaces, zero-width ones, a byte order mark.
SPACES = " \t\r\n\u0085\u00a0\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
BLANK, INK = f"[{SPACES}]", f"[^{SPACES}]"
AROUND = rf"\A{BLANK}+|{BLANK}+\z"
PADDED = rf"\A{BLANK}+{INK}|{INK}{BLANK}+\z"
# 4006381333931 as a spreadsheet shows and saves it: the digits are gone, and many ids have become one.
ROUNDED = r"(?i)\A-?[0-9](?:[.,][0-9]+e\+?|e\+)[0-9]{1,3}\z"
BEYOND_ASCII = r"[^\x01-\x7f]"
CUT_SHORT = "is a number that a spreadsheet has rounded, not an id; export the column as text"
WHOLE = r"\A-?[0-9]+\.0\z"


class IdFormat(Config):
    """How ids (user_id, item_id, session_id …) are written, beside the texts of `missing`.

    nothing        words that mean no id, in small letters or capitals, with blanks around them or not; blanks alone
                   mean none either; an empty list takes every text for an id
    whole_numbers  whether "17.0" is the id 17, as pandas writes a column of whole numbers with gaps
    rounded        whether "4.00638E+12" is an id; else it is one that a spreadsheet cut short, which cannot be read
    trimmed        whether " 17 " is the id 17, as databases pad it; spaces that nobody sees count as blanks
    """

    nothing: tuple[str, ...] = Field(NOTHING, max_length=64)
    whole_numbers: bool = True
    rounded: bool = False
    trimmed: bool = True

    @property
    def pattern(self) -> str:
        """Regular expression of a text that is no id."""
        return rf"(?i)\A{BLANK}*(?:{'|'.join(map(re.escape, self.nothing))})?{BLANK}*\z"


def is_id(name: str) -> bool:
    """Whether a canonical column holds ids."""
    return name.endswith("_id")


def read_id(raw: str, name: str, form: IdFormat, missing: tuple[str, ...] = ("",)) -> list[Stage]:
    """A column as ids, text; null where there is none."""
    letters = f"{name}.letters"

    def compose(t: Table) -> dict[str, Value]:
        given = t[shown(name)]
        found = given.re_search(BEYOND_ASCII).fill_null(False).ifelse(composed(given), given)
        return {letters: found, change(COMPOSED, name): (found != given).fill_null(False)}

    def read(t: Table) -> dict[str, Value]:
        given, marks = t[letters], {}
        found = given
        if form.trimmed:
            padded = marks[change(PADDED_ID, name)] = given.re_search(PADDED).fill_null(False)
            found = padded.ifelse(given.re_replace(AROUND, ""), found)
        if form.whole_numbers:
            tail = marks[change(POINT_ZERO, name)] = found.re_search(WHOLE).fill_null(False)
            found = tail.ifelse(found.replace(".0", ""), found)
        if form.nothing:
            none = marks[change(NO_ID, name)] = given.re_search(form.pattern).fill_null(False)
            found = none.ifelse(None, found)
        if not form.rounded:
            cut = found.re_search(ROUNDED).fill_null(False)
            marks[problem(name)] = first_problem((cut, words(name, given, CUT_SHORT)))
            found = cut.ifelse(None, found)
        return marks | {value(name): found}

    return [lambda t: {shown(name): text(t[raw], missing)}, compose, read]


def composed(texts: StringValue) -> StringValue:
    """The texts in Unicode's normal form C, by a function of DuckDB's that components/data/spark.py gives to Spark."""
    import ibis

    normalize = ibis.udf.scalar.builtin(lambda _text: None, name="nfc_normalize", signature=(("string",), "string"))
    return normalize(texts)
