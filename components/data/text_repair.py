"""Repair of one text: wrong encodings, HTML entities, control characters, spaces.

Pure functions on strings. A repair is made only where it can be told from the text alone that it is right: the rules
for Chinese are written out below, those for UTF-8 read as a Western, Cyrillic or other one-byte encoding are ftfy's.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable

REPLACEMENT = "\ufffd"  # what a decoder leaves of bytes it could not read: lost, nothing brings it back
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
CJK = re.compile(r"[\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uff00-\uffef\u2018-\u201d\u2026\u2014\u00b7]")
NOT_ASCII = re.compile(r"[^\x00-\x7f]")
# A run of Latin-1 characters whose bytes lie where GB2312 puts both bytes of a character.
DOUBLE_BYTES = re.compile(r"[\u00a1-\u00fe]+")
COMMON_HAN = range(0xB0, 0xD8)  # first bytes of GB2312's first level: the 3,755 most used characters
LEAST_DOUBLE_BYTES = 4  # two characters: fewer could be an accented word
LEAST_COMMON = 0.8  # share of first-level characters; running text has 99 %, accents read as Chinese about half
SIGNS = range(0xA1, 0xA4)  # first bytes of punctuation and full-width letters, which tell nothing
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
BYTE_ORDER_MARK = re.compile("[\ufeff\u200b\u2060]")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
SPACES = re.compile(r"[\s\u3000\x85]+")
ROUNDS = 2  # what was escaped or encoded twice is there, thrice is not

Repair = Callable[[str], str]


def fix_encoding(text: str) -> str:
    """The text as it was before it was read in the wrong encoding; unchanged where that cannot be told."""
    for _ in range(ROUNDS):
        fixed = utf8_read_as_gbk(text) or gbk_read_as_western(text) or _utf8_read_as_one_byte(text)
        if fixed == text:
            break
        text = fixed
    return text


def utf8_read_as_gbk(text: str) -> str | None:
    """UTF-8 bytes that were read as GBK or GB18030 ("鍗庝负" → "华为"), or None.

    Real Chinese never passes: its GBK bytes are UTF-8 only by accident, and then not that of Chinese characters.
    """
    if not HAN.search(text):
        return None
    fixed = _decoded(text.encode("gb18030", errors="replace"), "utf-8")
    if fixed is None or not HAN.search(fixed):
        return None
    return fixed if all(CJK.match(c) for c in NOT_ASCII.findall(fixed)) else None


def gbk_read_as_western(text: str) -> str | None:
    """GBK bytes that were read as Latin-1 or Windows-1252 ("ÖÐÎÄ" → "中文"), or None.

    Every run of such characters must have an even length, all in GB2312's square, and mostly common characters beside
    punctuation.
    """
    runs = DOUBLE_BYTES.findall(text)
    strange = NOT_ASCII.findall(text)
    if len(strange) < LEAST_DOUBLE_BYTES or sum(map(len, runs)) != len(strange) or any(len(r) % 2 for r in runs):
        return None
    firsts = [byte for run in runs for byte in run.encode("latin-1")[::2] if byte not in SIGNS]
    if 2 * len(firsts) < LEAST_DOUBLE_BYTES or sum(byte in COMMON_HAN for byte in firsts) < LEAST_COMMON * len(firsts):
        return None
    raw = text.encode("latin-1")
    fixed = None if _decoded(raw, "utf-8") else _decoded(raw, "gb18030")  # what is UTF-8 is hardly ever GBK too
    return fixed if fixed and all(CJK.match(c) for c in NOT_ASCII.findall(fixed)) else None


def _decoded(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None


def _utf8_read_as_one_byte(text: str) -> str:
    import ftfy

    return ftfy.fix_encoding(text)


def fix_entities(text: str) -> str:
    """HTML entities as the characters they stand for; an ampersand that begins none stays."""
    for _ in range(ROUNDS):
        text = ENTITY.sub(lambda found: html.unescape(found.group()), text)
    return text


def drop_byte_order_marks(text: str) -> str:
    """Without byte order marks and zero-width spaces; joiners stay, for Persian and emoji need them."""
    return BYTE_ORDER_MARK.sub("", text)


def drop_controls(text: str) -> str:
    """Without control characters and marks that turn the reading direction; tabs and line ends stay."""
    return CONTROL.sub("", text)


def collapse_spaces(text: str) -> str:
    """Runs of white space, of any alphabet and over lines, become one space; none at the ends."""
    return SPACES.sub(" ", text).strip()


def normalise(form: str) -> Repair:
    """Unicode normalisation to NFC or NFKC (which also turns ＡＢＣ into ABC and ㎏ into kg)."""
    return lambda text: unicodedata.normalize(form, text)


def is_lossy(text: str) -> bool:
    """Whether part of the text was lost before it came here."""
    return REPLACEMENT in text
