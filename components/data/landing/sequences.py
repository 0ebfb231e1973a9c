"""Bare sequences, `user item item …` per line, as rows of user, item and position; the order of items is their time."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pyarrow as pa

from components.core.schema import ITEM_ID, POSITION, SOURCE_ROW, USER_ID
from components.data.landing.encoding import find_encoding
from components.data.landing.formats import FileFormat, Limits
from components.data.landing.lines import BLOCK_SIZE, SMALL_BLOCK, encodes, readable, text_lines, too_long
from components.data.landing.mistaken import doubts, refuse_one_line, refuse_table
from components.data.landing.opening import Member
from components.data.landing.piece import Account, Piece, Pieces, Rejected

SAVE_AS_UTF_8 = "save it as UTF-8"  # sequences declare no encoding


def read_sequences(member: Member, declared: FileFormat, limits: Limits) -> Pieces:
    """The pieces of one file: user_id and item_id as written, position from 1; DataError on a table of events."""
    encoding = find_encoding(member, declared.encoding, SAVE_AS_UTF_8)
    yield Piece(None, remarks=encoding.remarks)
    rows = 0
    size = SMALL_BLOCK if limits.first_rows else BLOCK_SIZE
    for lines in text_lines(member, encoding, int(limits.max_record_mb * 2**20), size):
        if lines.first == 1:
            refuse_one_line(member.label, lines.texts)
        if lines.long_bytes:
            yield too_long(lines.first, readable(lines.texts[0], encoding.name), lines.long_bytes, limits)
            continue
        if lines.first == 1:
            if declared.delimiter is None:
                refuse_table(member.label, lines.texts)
            yield Piece(None, remarks=doubts(lines.texts, declared.delimiter))
        piece = _piece(lines.first, lines.texts, declared.delimiter, encoding.name)
        yield piece
        rows += piece.account.rows
        if limits.first_rows and rows >= limits.first_rows:
            return


def _piece(first: int, texts: list[str], delimiter: str | None, encoding: str) -> Piece:
    sequences: list[list[str]] = []
    numbers: list[int] = []
    rejected: list[Rejected] = []
    blank = 0
    for number, text in enumerate(texts, first):
        parts = text.rstrip("\r").split(delimiter)
        if not text.strip():
            blank += 1
        elif problem := _problem(text, parts):
            rejected.append(Rejected.of(number, readable(text, encoding), *problem))
        else:
            sequences.append(parts)
            numbers.append(number)
    table = _table(sequences, numbers)
    rows = table.num_rows if table is not None else 0
    account = Account(len(texts), 0, len(sequences), 0, len(rejected), blank, rows)
    return Piece(table, rejected, account)


def _problem(text: str, parts: list[str]) -> tuple[str, str] | None:
    if "\0" in text:
        return "nul", "a NUL byte inside the line"
    if "\r" in text.rstrip("\r"):
        return "line_end", "a carriage return inside the line"
    if not text.isascii() and not encodes(text):
        return "encoding", "bytes that are not the file's encoding"
    if len(parts) < 2:
        return "sequence", "a user without items"
    if not all(parts):
        return "sequence", "an empty user or item between two delimiters"
    return None


def _table(sequences: list[list[str]], numbers: list[int]) -> pa.Table | None:
    if not sequences:
        return None
    lengths = np.array([len(parts) - 1 for parts in sequences])
    users = pa.array([parts[0] for parts in sequences], pa.string())
    places = np.repeat(np.arange(len(sequences)), lengths)
    starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    columns = {
        USER_ID: users.take(pa.array(places)),
        ITEM_ID: pa.array(chain.from_iterable(parts[1:] for parts in sequences), pa.string()),
        POSITION: pa.array(np.arange(len(places)) - starts + 1, pa.int64()),
        SOURCE_ROW: pa.array(np.array(numbers)[places], pa.int64()),
    }
    return pa.table(columns)
