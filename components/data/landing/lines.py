"""Whole lines from a stream, in blocks of a few megabytes, with bounded memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

from components.core.errors import DataError
from components.data.landing.opening import Readable

BLOCK_SIZE = 8 * 2**20
NEWLINE = b"\n"


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
            raise DataError(f"{self._label}: is not {self._encoding} ({e}); declare its `encoding`.") from None
