"""JSON lines as text columns: numbers as the digits that stood there, nested values as JSON text, null as null."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from components.core.errors import DataError
from components.core.schema import SOURCE_ROW
from components.data.landing.columns import name_columns
from components.data.landing.encoding import find_encoding
from components.data.landing.formats import FileFormat, Limits
from components.data.landing.lines import BLOCK_SIZE, SMALL_BLOCK, encodes, readable, text_lines, too_long
from components.data.landing.opening import Member
from components.data.landing.piece import Account, Piece, Pieces, Rejected

Record = dict[str, Any]


class Number(str):
    """A number as it was written, so that 1e308, 9.90 or 2⁶⁴ come out as they went in."""

    __slots__ = ()


class TwiceError(ValueError):
    """A key stands twice in one object."""


def read_json_lines(member: Member, declared: FileFormat, limits: Limits) -> Pieces:
    """The pieces of one file of JSON lines; DataError where it is one JSON array, or its keys make no columns."""
    encoding = find_encoding(member, declared.encoding)
    yield Piece(None, remarks=encoding.remarks)
    parse = ast.literal_eval if declared.python_literals else _decoder().decode
    names: dict[str, None] = {}
    rows = 0
    size = SMALL_BLOCK if limits.first_rows else BLOCK_SIZE
    for lines in text_lines(member, encoding, int(limits.max_record_mb * 2**20), size):
        if lines.first == 1 and lines.texts[0].lstrip().startswith("["):
            raise DataError(f"{member.label}: is one JSON array, not JSON lines; convert it, e.g. `jq -c '.[]'`.")
        if lines.long_bytes:
            yield too_long(lines.first, readable(lines.texts[0], encoding.name), lines.long_bytes, limits)
            continue
        piece = _piece(lines.first, lines.texts, parse, names, encoding.name)
        name_columns(list(names), member.label, limits)
        yield piece
        rows += piece.account.rows
        if limits.first_rows and rows >= limits.first_rows:
            return


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=Number, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> Record:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise TwiceError("a key stands twice in the object")
    return found


def _piece(first: int, texts: list[str], parse: Callable, names: dict[str, None], encoding: str) -> Piece:
    records: list[Record] = []
    numbers: list[int] = []
    rejected: list[Rejected] = []
    blank = 0
    for number, text in enumerate(texts, first):
        if not text.strip():
            blank += 1
            continue
        record = _record(text, parse)
        if isinstance(record, str):
            rule = "encoding" if not encodes(text) else "json"
            rejected.append(Rejected.of(number, readable(text, encoding), rule, record))
        else:
            records.append(record)
            numbers.append(number)
            names.update(dict.fromkeys(record))
    rows = len(records)
    return Piece(_table(records, numbers, names), rejected, Account(len(texts), 0, rows, 0, len(rejected), blank, rows))


def _record(text: str, parse: Callable) -> Record | str:
    """The object of a line, or why there is none."""
    if not text.isascii() and not encodes(text):
        return "bytes that are not the file's encoding"
    try:
        record = parse(text.strip())
    except TwiceError as e:
        return str(e)
    except (ValueError, SyntaxError, TypeError) as e:
        return f"not a JSON object: {str(e).splitlines()[0][:200]}"
    except (RecursionError, MemoryError):
        return "not a JSON object: nested too deeply"
    return _problem(record, text) or record


def _problem(record: Any, text: str) -> str | None:
    if not isinstance(record, dict) or not all(isinstance(key, str) for key in record):
        return f"not a JSON object but {type(record).__name__}"
    if "\\u" in text and not encodes(written(record)):
        return "half of a surrogate pair, which is no character"
    return None


def _table(records: list[Record], numbers: list[int], names: dict[str, None]) -> pa.Table | None:
    if not records:
        return None
    arrays = [pa.array(_texts([record.get(name) for record in records]), pa.string()) for name in names]
    return pa.table([*arrays, pa.array(numbers, pa.int64())], names=[*names, SOURCE_ROW])


def _texts(values: list[Any]) -> list[str | None]:
    return [value if type(value) is str or value is None else _text(value) for value in values]


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str) else written(value)


def written(value: Any) -> str:
    """A nested value as JSON text, its numbers as they were written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{json.dumps(str(k), ensure_ascii=False)}: {written(v)}" for k, v in value.items()) + "}"
        )
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(written, value)) + "]"
    return json.dumps(value, ensure_ascii=False, default=str)
