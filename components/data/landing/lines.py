"""Whole lines from a stream, in blocks of a few megabytes, with bounded memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from components.core.errors import DataError
from components.data.landing.encoding import UTF_8, Encoding
from components.data.landing.formats import Limits
from components.data.landing.opening import Member, Readable
from components.data.landing.piece import Account, Piece, Rejected

BLOCK_SIZE = 8 * 2**20
SMALL_BLOCK = 2**16  # where only the first rows are wanted
NEWLINE = b"\n"
ESCAPED = "surrogateescape"  # bytes that do not decode, as characters no text has


@dataclass(frozen=True)
class Block:
    """Whole lines, each ending in a newline; or the head of one line that is longer than the limit.

    long_bytes  length of that line; 0 for ordinary lines
    """

    data: bytes
    long_bytes: int = 0


def blocks(stream: Readable, max_line: int, size: int = BLOCK_SIZE) -> Iterator[Block]:
    """The stream's lines in order; the last line gets its newline if the file lacks it."""
    rest = b""
    while data := stream.read(size):
        data = rest + data
        end = data.rfind(NEWLINE) + 1
        if end:
            yield from _checked(data[:end], max_line)
        rest = data[end:]
        if len(rest) > max_line:
            head, length, rest = _skip_line(rest, stream, max_line)
            yield Block(head, length)
    if rest:
        yield from _checked(rest + NEWLINE, max_line)


def _checked(data: bytes, max_line: int) -> Iterator[Block]:
    """Ordinary lines, with those that are too long taken out."""
    start = 0
    while len(data) - start > max_line:
        # A line that is too long covers a whole window: look at each window's newlines only.
        long = _first_long(data, start, max_line)
        if long is None:
            break
        begin, end = long
        if begin > start:
            yield Block(data[start:begin])
        yield Block(data[begin : begin + max_line], end - begin)
        start = end
    if start < len(data):
        yield Block(data[start:])


def _first_long(data: bytes, start: int, max_line: int) -> tuple[int, int] | None:
    begin = start
    while begin + max_line < len(data):
        last = data.rfind(NEWLINE, begin, begin + max_line + 1)
        if last < 0:
            return begin, data.find(NEWLINE, begin) + 1
        begin = last + 1
    return None


def _skip_line(head: bytes, stream: Readable, max_line: int) -> tuple[bytes, int, bytes]:
    """Read on to the end of a line that is too long: its head, its length, and what follows it."""
    length = len(head)
    while data := stream.read(BLOCK_SIZE):
        end = data.find(NEWLINE) + 1
        if end:
            return head[:max_line], length + end, data[end:]
        length += len(data)
    return head[:max_line], length, b""


class Recoded:
    """A stream of UTF-16 or UTF-32 as UTF-8: its newlines cannot be found before it is decoded."""

    def __init__(self, inner: Readable, encoding: str, label: str):
        """`encoding` is of two or four bytes a unit."""
        self._inner, self._label, self._encoding = inner, label, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()

    def read(self, size: int) -> bytes:
        """The next bytes, as UTF-8; DataError where they are not in the encoding."""
        try:
            while data := self._inner.read(size):
                if text := self._decoder.decode(data):
                    return text.encode()
            return self._decoder.decode(b"", final=True).encode()
        except UnicodeError as e:
            raise DataError(
                f"{self._label}: is not {self._encoding} ({e}); save it anew, or declare its `encoding`."
            ) from None


@contextmanager
def opened_text(member: Member, encoding: Encoding) -> Iterator[tuple[Readable, str]]:
    """The member's bytes in an encoding whose newlines are plain bytes, and that encoding's name."""
    with member.open() as raw:
        if encoding.is_wide:
            yield Recoded(raw, encoding.name, member.label), UTF_8
        else:
            yield raw, UTF_8 if encoding.is_utf_8 else encoding.name


@dataclass(frozen=True)
class Lines:
    """Some lines of a file, without their ends.

    first  number of the first of them, from 1
    """

    first: int
    texts: list[str]
    long_bytes: int = 0


def text_lines(member: Member, encoding: Encoding, max_line: int, size: int = BLOCK_SIZE) -> Iterator[Lines]:
    """All lines of a file in order, decoded; what does not decode holds lone surrogates (see `encodes`)."""
    number = 1
    with opened_text(member, encoding) as (stream, name):
        for block in blocks(stream, max_line, size):
            data = block.data.removeprefix(codecs.BOM_UTF8) if number == 1 else block.data
            texts = decoded_lines(data, name)
            yield Lines(number, texts, block.long_bytes)
            number += len(texts)


def decoded_lines(data: bytes, encoding: str) -> list[str]:
    """Lines without their newlines; where bytes do not decode, they become lone surrogates, one line at a time."""
    data = data.removesuffix(NEWLINE)
    try:
        return data.decode(encoding).split("\n")
    except UnicodeDecodeError:
        return [line.decode(encoding, ESCAPED) for line in data.split(NEWLINE)]


def encodes(text: str) -> bool:
    """Whether this is text, without lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def readable(text: str, encoding: str) -> str:
    r"""A rejected line for people: what did not decode as \xNN, without its line end."""
    if not text.isascii():
        text = text.encode(encoding, ESCAPED).decode(encoding, "backslashreplace")
    return text.rstrip("\r\n").replace("\0", "\\x00")


def too_long(number: int, text: str, long_bytes: int, limits: Limits) -> Piece:
    """The piece of one line that is longer than the limit."""
    reason = f"a line of {long_bytes:,} bytes, more than limits.max_record_mb ({limits.max_record_mb:g})"
    return Piece(None, [Rejected.of(number, text, "line_length", reason)], Account(lines=1, rejected=1))
