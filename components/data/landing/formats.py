"""How a raw file is to be read, and how much of it: what a person declares, and what its name tells."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field, field_validator

from components.core.config import Config
from components.core.errors import DataError

CSV, JSONL, EXCEL, PARQUET, SEQUENCES = "csv", "jsonl", "excel", "parquet", "sequences"
FormatName = Literal["csv", "jsonl", "excel", "parquet", "sequences"]
GZIP_SUFFIXES = (".gz", ".gzip")
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
EVERY_SHEET = "*"
OTHER_WORKBOOKS = (".xls", ".xlsb", ".xlsm", ".ods", ".numbers")
BY_SUFFIX: dict[str, FormatName] = {
    ".csv": CSV,
    ".tsv": CSV,
    ".psv": CSV,
    ".dat": CSV,
    ".data": CSV,
    ".txt": CSV,
    ".item": CSV,  # MovieLens 100k
    ".user": CSV,
    ".jsonl": JSONL,
    ".ndjson": JSONL,
    ".json": JSONL,
    ".xlsx": EXCEL,
    ".parquet": PARQUET,
    ".pq": PARQUET,
    ".sequences": SEQUENCES,
}


class FileFormat(Config):
    """How the files of one raw table are written; what is None is found out and told as a remark where it is a guess.

    format           None: by the file's suffix, after .gz and the like
    encoding         None: by byte order mark, else UTF-8, else GB18030 or Windows-1252 if the bytes leave no doubt
    delimiter        CSV: None: the one of comma, semicolon, tab and bar that cuts every line alike; may be long ("::").
                     Sequences: None: white space
    quote            CSV: the character around a field that holds delimiters or newlines; None: no such character
    header           CSV, Excel: the first line names the columns
    columns          names of the columns, where no header does (CSV, Excel)
    sheet            Excel: the sheet by name; "*" every sheet; None: the first
    members          archives: pattern of the members to read, as in "*/ratings*.csv"; None: there is just one
    python_literals  JSON lines that are in truth printed Python dictionaries (Amazon's metadata of 2014)
    """

    format: FormatName | None = None
    encoding: str | None = Field(None, max_length=40)
    delimiter: str | None = Field(None, min_length=1, max_length=4)
    quote: str | None = Field('"', min_length=1, max_length=1)
    header: bool = True
    columns: tuple[str, ...] | None = Field(None, min_length=1, max_length=4096)
    sheet: str | None = Field(None, min_length=1, max_length=255)
    members: str | None = Field(None, min_length=1, max_length=255)
    python_literals: bool = False

    @field_validator("encoding")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                "".encode(name)
            except LookupError:
                raise ValueError("unknown encoding; utf-8, gb18030, cp1252, latin-1 and utf-16 are usual") from None
        return name

    @field_validator("delimiter", "quote")
    @classmethod
    def _plain(cls, text: str | None) -> str | None:
        if text is not None and (not text.isascii() or set(text) & set("\r\n\0\x1f")):
            raise ValueError("use printable ASCII or a tab")
        return text


class Limits(Config):
    """Bounds on what comes from outside; what is beyond them is refused in words.

    max_expanded_gb  of one file or archive member, after decompression
    max_ratio        expanded to compressed size, looked at beyond the first 16 MB; plain text seldom passes 50
    max_members      entries of one archive
    max_columns      of one table
    max_record_mb    of one line, or one record with newlines inside fields; a longer one is rejected
    first_rows       stop after about so many rows of each file (`sources check`); None: all
    """

    max_expanded_gb: float = Field(64.0, gt=0, le=10_000)
    max_ratio: float = Field(200.0, ge=2, le=2000)
    max_members: int = Field(10_000, ge=1, le=1_000_000)
    max_columns: int = Field(4096, ge=1, le=100_000)
    max_record_mb: float = Field(4.0, gt=0, le=64)
    first_rows: int | None = Field(None, ge=1)


def is_archive(name: str) -> bool:
    """Whether the name says zip or tar."""
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def plain_name(name: str) -> str:
    """The name without a compression suffix."""
    lower = name.lower()
    suffix = next((s for s in GZIP_SUFFIXES if lower.endswith(s)), "")
    return name[: len(name) - len(suffix)]


def format_of(name: str, declared: FileFormat) -> FormatName:
    """The declared format, else that of the suffix; DataError if neither says."""
    if declared.format is not None:
        return declared.format
    suffix = PurePosixPath(plain_name(name)).suffix.lower()
    if suffix in OTHER_WORKBOOKS:
        raise DataError(f"{name}: '{suffix}' is a workbook of another kind; save it as .xlsx, or its sheet as CSV.")
    if suffix not in BY_SUFFIX:
        raise DataError(f"{name}: the suffix '{suffix}' names no known format; declare `format`, e.g. csv.")
    return BY_SUFFIX[suffix]
