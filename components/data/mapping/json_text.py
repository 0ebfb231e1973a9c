"""JSON written by an Ibis expression: an object of texts, keys sorted, what is not given left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ibis.expr.types import StringValue

ESCAPES = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"))


def json_object(values: dict[str, StringValue]) -> StringValue:
    """The text of a JSON object; null where no value is given. Control characters JSON cannot hold become blanks."""
    import ibis

    total = ibis.literal("")
    for key, value in sorted(values.items()):
        start = ibis.literal(f", {json.dumps(key, ensure_ascii=False)}: ")
        total = total + (start + _quoted(value)).fill_null("")
    return (total == "").ifelse(None, ibis.literal("{") + total.substr(2) + ibis.literal("}"))


def _quoted(value: StringValue) -> StringValue:
    import ibis

    for sign, escaped in ESCAPES:
        value = value.replace(sign, escaped)
    quote = ibis.literal('"')
    return quote + value.re_replace(r"[\x00-\x1f]", " ") + quote
