"""Numbers with units: "500 ml", "0.5 L", "500毫升" and "500ml" are one word, `500ml`."""

from __future__ import annotations

import re

# Written form → (unit it is counted in, factor).
UNITS: dict[str, tuple[str, float]] = {
    "ml": ("ml", 1), "milliliter": ("ml", 1), "millilitre": ("ml", 1), "毫升": ("ml", 1),
    "cl": ("ml", 10), "dl": ("ml", 100),
    "l": ("ml", 1000), "lt": ("ml", 1000), "ltr": ("ml", 1000), "liter": ("ml", 1000), "litre": ("ml", 1000),
    "liters": ("ml", 1000), "litres": ("ml", 1000), "升": ("ml", 1000),
    "mg": ("mg", 1), "毫克": ("mg", 1),
    "g": ("g", 1), "gr": ("g", 1), "gram": ("g", 1), "grams": ("g", 1), "克": ("g", 1),
    "kg": ("g", 1000), "kilo": ("g", 1000), "千克": ("g", 1000), "公斤": ("g", 1000),
    "oz": ("oz", 1), "ounce": ("oz", 1), "ounces": ("oz", 1), "lb": ("lb", 1), "lbs": ("lb", 1), "pound": ("lb", 1),
    "mm": ("mm", 1), "毫米": ("mm", 1), "cm": ("mm", 10), "厘米": ("mm", 10), "m": ("m", 1), "米": ("m", 1),
    "inch": ("inch", 1), "inches": ("inch", 1), "英寸": ("inch", 1),
    "gb": ("gb", 1), "tb": ("gb", 1000), "mah": ("mah", 1), "毫安": ("mah", 1),
    "w": ("w", 1), "watt": ("w", 1), "瓦": ("w", 1), "v": ("v", 1), "volt": ("v", 1), "伏": ("v", 1),
}  # fmt: skip
_LONGEST_FIRST = "|".join(sorted(UNITS, key=lambda unit: (-len(unit), unit)))
POINT = "dot"  # 6.5 inch is the word 6dot5inch: a point would cut it in two
# It begins with the digit and looks behind it then, so that a text without digits is passed over at once.
MEASURE = re.compile(rf"(\d(?<![0-9a-z.,]\d)\d{{0,6}}(?:[.,]\d{{1,3}})?)\s?({_LONGEST_FIRST})(?![a-z0-9])")


def joined(text: str) -> str:
    """The text (lower case already) with every number and its unit as one word in the unit it is counted in.

    `"milk 0.5 l"` → `"milk 500ml "`; a number without a unit stays as it is.
    """
    return MEASURE.sub(_one_word, text)


def _one_word(match: re.Match[str]) -> str:
    unit, factor = UNITS[match[2]]
    amount = round(float(match[1].replace(",", ".")) * factor, 3)
    figure = f"{int(amount)}" if amount == int(amount) else f"{amount}".replace(".", POINT)
    return f" {figure}{unit} "
