"""Which encoding a text file is in: by its mark, by its bytes where they leave no doubt, else a person must say.

UTF-8 is certain where text beyond ASCII decodes. Chinese in GB18030 and Western text in Windows-1252 both fail as UTF-8
and are told apart by their high bytes, which stand in pairs in the one and mostly alone in the other; such a finding is
a guess and is told as a remark.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from components.core.errors import DataError
from components.data.landing.opening import Member

UTF_8, UTF_8_SIG, GB18030, CP1252 = "utf-8", "utf-8-sig", "gb18030", "cp1252"
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
MOSTLY, SELDOM = 0.9, 0.3  # shares of high bytes in runs of even length


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


def find_encoding(member: Member, declared: str | None) -> Encoding:
    """The declared encoding, or the one its bytes tell.

    Raises DataError if they leave a doubt, or look like UTF-16 without its mark.
    """
    with member.open() as stream:
        head = stream.read(2**16)
        marked = next((name for mark, name in MARKS.items() if head.startswith(mark)), None)
        if declared is not None:
            return Encoding(_with_mark(declared, marked, member.label))
        if marked is not None:
            return Encoding(marked)
        _refuse_unmarked_wide(head, member.label)
        return _judge(_lines_beyond_ascii(head, stream), member.label)


def _with_mark(declared: str, marked: str | None, label: str) -> str:
    """The declared encoding, in the form that takes the byte order mark away."""
    if marked is None:
        return declared
    if codecs.lookup(declared).name.startswith(marked.removesuffix("-sig")):
        return marked
    raise DataError(
        f"{label}: its byte order mark says {marked.removesuffix('-sig')}, `encoding` says {declared}; leave it out."
    )


def _refuse_unmarked_wide(head: bytes, label: str) -> None:
    for order, start in (("le", 1), ("be", 0)):
        zeros = head[start::2].count(0)
        if len(head) >= 8 and zeros > 0.4 * len(head) / 2 and head[1 - start :: 2].count(0) * 4 < zeros:
            raise DataError(f"{label}: looks like UTF-16 without its mark; declare `encoding: utf-16-{order}`.")


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


def _judge(lines: list[bytes], label: str) -> Encoding:
    good = sum(_decodes(line, UTF_8) for line in lines)
    if 2 * good >= len(lines):
        return Encoding(UTF_8)  # the others, if any, are rejected line by line
    others = [line for line in lines if not _decodes(line, UTF_8)]
    paired = _paired_share(others)
    for name, fits in ((GB18030, paired >= MOSTLY), (CP1252, paired <= SELDOM)):
        if fits and sum(_decodes(line, name) for line in others) >= MOSTLY * len(others):
            return Encoding(name, (f"taken as {name}, by {len(lines):,} lines that are not UTF-8; declare `encoding`",))
    raise DataError(
        f"{label}: is not UTF-8 ({len(others):,} of {len(lines):,} lines beyond ASCII looked at) and its bytes "
        "do not tell what else; declare its `encoding`, e.g. gb18030, cp1252 or utf-8."
    )


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _paired_share(lines: list[bytes]) -> float:
    runs = [len(run) for line in lines for run in HIGH_RUNS.findall(line)]
    return sum(run for run in runs if run % 2 == 0) / max(sum(runs), 1)
