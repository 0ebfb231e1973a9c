"""Which encoding a text file is in: by its mark, by its bytes where they leave no doubt, else a person must say.

UTF-8 is certain where text beyond ASCII decodes. Chinese in GB18030 and Western text in Windows-1252 both fail as UTF-8
and are told apart by what they decode to: much of Chinese, be it full of rare characters, is among the most used ones,
while accents stand mostly alone, with a small letter or a space behind. Such a finding is a guess and is told as a
remark. Big5, Korean, Japanese, Greek or Thai are not guessed at, nor taken for Chinese.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from dataclasses import dataclass

from components.core.errors import DataError
from components.data.landing.opening import Member
from components.data.text_repair import COMMON_HAN

UTF_8, UTF_8_SIG, GB18030, CP1252, BIG5, EUC_KR = "utf-8", "utf-8-sig", "gb18030", "cp1252", "big5", "euc_kr"
WIDE = ("utf-16", "utf-32")
SAMPLE_BYTES = 16 * 2**20
SAMPLE_LINES = 5_000  # lines beyond ASCII
MARKS = {
    codecs.BOM_UTF8: UTF_8_SIG,
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
HIGH_RUNS = re.compile(rb"[\x80-\xff]+")
MOSTLY, SELDOM = 0.9, 0.3  # shares of lines, characters, or high bytes in runs of even length
# First bytes of the most used characters of an encoding of two bytes, as its makers laid them out.
MOST_USED = {GB18030: COMMON_HAN, BIG5: range(0xA4, 0xC7), EUC_KR: range(0xB0, 0xC9)}
KANA = range(0xA4, 0xA6)  # first bytes of Japanese letters, in GB18030 as in EUC-JP
FEW_KANA = 0.1  # more is Japanese
LEAST_DIFFERENT = 10  # characters before Hangul can be told from Chinese
# What stands behind an odd run that no capital precedes; a rare Chinese character may have any of these as second byte.
BEHIND_ODD_RUN = re.compile(rb"(?<![A-Z\x80-\xff])[\x80-\xff](?:[\x80-\xff]{2})*(?=([ -~]))")
NO_SMALL_LETTER = re.compile(rb"[@A-Z\[\\\]^_`{|}~]")
SELDOM_BEHIND = 0.2
SHOWN = 30  # letters of a line in doubt


@dataclass(frozen=True)
class Encoding:
    """An encoding, and what to tell about how it was found."""

    name: str
    remarks: tuple[str, ...] = ()

    @property
    def is_wide(self) -> bool:
        """Whether a unit has several bytes, so that newlines are not plain bytes."""
        return codecs.lookup(self.name).name.startswith(WIDE)

    @property
    def is_utf_8(self) -> bool:
        """Whether the bytes are UTF-8 as they stand, a byte order mark apart."""
        return codecs.lookup(self.name).name in (UTF_8, UTF_8_SIG)


def find_encoding(member: Member, declared: str | None, remedy: str | None = None) -> Encoding:
    """The declared encoding, or the one its bytes tell.

    remedy  what a person can do where it is in doubt; None: declare it
    Raises DataError if they leave a doubt, or look like UTF-16 without its mark.
    """
    with member.open() as stream:
        head = stream.read(2**16)
        marked = next((name for mark, name in MARKS.items() if head.startswith(mark)), None)
        if declared is not None:
            return Encoding(_with_mark(declared, marked, member.label))
        if marked is not None:
            return Encoding(marked)
        _refuse_unmarked_wide(head, member.label, remedy)
        return _judge(_lines_beyond_ascii(head, stream), member.label, remedy)


def _with_mark(declared: str, marked: str | None, label: str) -> str:
    """The declared encoding, in the form that takes the byte order mark away."""
    if marked is None:
        return declared
    if codecs.lookup(declared).name.startswith(marked.removesuffix("-sig")):
        return marked
    raise DataError(
        f"{label}: its byte order mark says {marked.removesuffix('-sig')}, `encoding` says {declared}; leave it out."
    )


def _refuse_unmarked_wide(head: bytes, label: str, remedy: str | None) -> None:
    for order, start in (("le", 1), ("be", 0)):
        zeros = head[start::2].count(0)
        if len(head) >= 8 and zeros > 0.4 * len(head) / 2 and head[1 - start :: 2].count(0) * 4 < zeros:
            remedy = remedy or f"declare `encoding: utf-16-{order}`"
            raise DataError(f"{label}: looks like UTF-16 without its mark; {remedy}.")


def _lines_beyond_ascii(data: bytes, stream) -> list[bytes]:
    found: list[bytes] = []
    seen, rest = 0, b""
    while data and seen < SAMPLE_BYTES and len(found) < SAMPLE_LINES:
        seen += len(data)
        lines = (rest + data).split(b"\n")
        rest = lines.pop()[-(2**20) :]
        if not data.isascii():
            found += [line for line in lines if not line.isascii()]
        data = stream.read(2**20)
    if not data and not rest.isascii():
        found.append(rest)
    return found


def _judge(lines: list[bytes], label: str, remedy: str | None) -> Encoding:
    good = sum(_decodes(line, UTF_8) for line in lines)
    if 2 * good >= len(lines):
        return Encoding(UTF_8)  # the others, if any, are rejected line by line
    others = [line for line in lines if not _decodes(line, UTF_8)]
    for name, fits in ((GB18030, _is_chinese), (CP1252, _is_western)):
        if fits(others):
            said = f"taken as {name}, by {len(others):,} lines that are not UTF-8; {remedy or 'declare `encoding`'}"
            return Encoding(name, (said,))
    raise DataError(
        f"{label}: is not UTF-8 ({len(others):,} of {len(lines):,} lines beyond ASCII looked at) and its bytes "
        f"do not tell what else; {remedy or 'declare its `encoding`'}. One of these lines is {_readings(others)}."
    )


def _is_chinese(lines: list[bytes]) -> bool:
    """Whether lines are GB18030: they decode to many of the most used characters, and not better as what is like it."""
    read, found = _reading(lines, GB18030)
    if read < MOSTLY or _used(found, GB18030) < SELDOM or _share(found, KANA) > FEW_KANA:
        return False
    as_big5, big5 = _reading(lines, BIG5)
    as_korean, korean = _reading(lines, EUC_KR)
    is_big5 = as_big5 >= MOSTLY and _used(Counter({*big5}), BIG5) >= MOSTLY > _used(found, GB18030)
    is_korean = as_korean >= MOSTLY and len(korean) >= LEAST_DIFFERENT and _used(Counter({*korean}), EUC_KR) >= MOSTLY
    return not is_big5 and not is_korean


def _reading(lines: list[bytes], encoding: str) -> tuple[float, Counter[bytes]]:
    """The share of the lines that decode, and how often each character beyond ASCII is in them, as its bytes."""
    good = [line.decode(encoding) for line in lines if _decodes(line, encoding)]
    found = Counter(c for c in "".join(good) if not c.isascii())
    return len(good) / len(lines), Counter({c.encode(encoding): n for c, n in found.items()})


def _used(found: Counter[bytes], encoding: str) -> float:
    return _share(found, MOST_USED[encoding])


def _share(found: Counter[bytes], firsts: range) -> float:
    """The share of the characters of two bytes whose first one is among some."""
    return sum(n for c, n in found.items() if len(c) == 2 and c[0] in firsts) / max(found.total(), 1)


def _is_western(lines: list[bytes]) -> bool:
    """Whether lines are Windows-1252: high bytes stand mostly alone, and before what accents stand before."""
    behind = [found.group(1) for line in lines for found in BEHIND_ODD_RUN.finditer(line)]
    strange = sum(bool(NO_SMALL_LETTER.fullmatch(byte)) for byte in behind)
    return (
        _paired_share(lines) <= SELDOM
        and strange <= SELDOM_BEHIND * len(behind)
        and sum(_decodes(line, CP1252) for line in lines) >= MOSTLY * len(lines)
    )


def _readings(lines: list[bytes]) -> str:
    """The first line in doubt, from where it is in doubt, as some encodings read it."""
    line = lines[0][next(i for i, byte in enumerate(lines[0]) if byte >= 0x80) :].strip()
    told = {name: line.decode(name, errors="replace")[:SHOWN] for name in (GB18030, BIG5, CP1252, "cp1251")}
    return ", ".join(f"'{text}' as {name}" for name, text in told.items())


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _paired_share(lines: list[bytes]) -> float:
    runs = [len(run) for line in lines for run in HIGH_RUNS.findall(line)]
    return sum(run for run in runs if run % 2 == 0) / max(sum(runs), 1)
