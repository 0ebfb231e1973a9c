"""Hostile bytes: damaged, bombed, empty, of another kind than their name says."""

import bz2
import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.data.landing import FileFormat, Limits
from tests.data.hostile.case import ACCEPTED, REFUSED, REJECTED, Case, file
from tests.data.hostile.workbook import workbook

CSV = b"user_id,item_id,price\nu1,i1,2.50\nu2,i2,3.00\n"
SMALL = Limits(max_expanded_gb=0.001)


def parquet(cut: int = 0, flip: bool = False):
    """A maker of a parquet file, perhaps with its end cut off or a byte of its data turned."""

    def make(folder: Path) -> None:
        table = pa.table({"user_id": [f"u{i}" for i in range(1000)], "price": [i / 7 for i in range(1000)]})
        sink = io.BytesIO()
        pq.write_table(table, sink, use_dictionary=False, write_page_checksum=True)
        data = bytearray(sink.getvalue())
        if flip:
            data[300] ^= 0xFF
        (folder / "events.parquet").write_bytes(data[: len(data) - cut])

    return make


def invalid_text(folder: Path) -> None:
    text = pa.array([b"caf\xc3\xa9", b"caf\xe9", b"tea"], pa.binary()).cast(pa.string(), safe=False)
    valid = pa.StringArray.from_buffers(3, text.buffers()[1], text.buffers()[2])
    pq.write_table(pa.table({"title": valid, "price": [1, 2, 3]}), folder / "items.parquet")


def repeated(folder: Path) -> None:
    """One long text a hundred thousand times, which parquet keeps once."""
    column = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), 100_000), ["x" * 1000])
    pq.write_table(pa.table({"user_id": column}), folder / "events.parquet")


def zipped(*members: tuple[str, bytes], link: str | None = None):
    def make(folder: Path) -> None:
        with zipfile.ZipFile(folder / "shop.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members:
                archive.writestr(name, content)
            if link:
                info = zipfile.ZipInfo(link)
                info.external_attr = 0o120777 << 16
                archive.writestr(info, "/etc/passwd")

    return make


def tarred(*members: tuple[str, bytes, bytes], suffix: str = ".tar.gz"):
    """A maker of a tar archive of (name, type, content or target)."""

    def make(folder: Path) -> None:
        with tarfile.open(folder / f"shop{suffix}", "w:gz" if "gz" in suffix else "w") as archive:
            for name, kind, content in members:
                info = tarfile.TarInfo(name)
                info.type = kind
                if kind == tarfile.REGTYPE:
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
                else:
                    info.linkname = content.decode()
                    archive.addfile(info)

    return make


def bomb(megabytes: int):
    """A maker of a gzip file of one row over and over."""
    return lambda folder: (folder / "events.csv.gz").write_bytes(gzip.compress(CSV + b"u1,i1,2\n" * (megabytes << 17)))


def linked(folder: Path) -> None:
    (folder.parent / "elsewhere.csv").write_bytes(CSV)
    (folder / "events.csv").symlink_to(folder.parent / "elsewhere.csv")


def pipe(folder: Path) -> None:
    import os

    os.mkfifo(folder / "events.csv")


def header_beside_rows(folder: Path) -> None:
    (folder / "a.csv").write_bytes(CSV)
    (folder / "b.csv").write_bytes(CSV.splitlines(keepends=True)[0])


MEMBER = ("events.csv", tarfile.REGTYPE, CSV)
CASES = [
    Case("truncated parquet", "the last 40 bytes of a parquet file are missing", REFUSED,
         "events.parquet: is cut short, damaged or no parquet", parquet(cut=40)),
    Case("parquet cut in half", "a download that stopped", REFUSED,
         "events.parquet: is cut short, damaged or no parquet", parquet(cut=9000)),
    Case("parquet with a turned byte", "one byte of a data page differs from what was written", REFUSED,
         "events.parquet: is cut short, damaged or no parquet", parquet(flip=True)),
    Case("parquet with bytes that are no text", "a text column of one row is not UTF-8", REJECTED,
         "bytes in column 'title' that are not UTF-8", invalid_text, rows=2, rejected=1),
    Case("text named parquet", "a CSV file with the suffix .parquet", REFUSED,
         "events.parquet: is cut short, damaged or no parquet", file("events.parquet", CSV)),
    Case("gzip bomb by size", "a .gz that expands beyond limits.max_expanded_gb", REFUSED,
         "expands to more than 0.001 GB", bomb(2), limits=SMALL),
    Case("gzip bomb by ratio", "a .gz that expands a thousand times", REFUSED,
         "as only a decompression bomb does", bomb(20)),
    Case("zip bomb", "a zip member that expands beyond limits.max_expanded_gb", REFUSED,
         "shop.zip!events.csv: expands to more than 0.001 GB",
         zipped(("events.csv", CSV + b"\n" * 2 * 10**6)), limits=SMALL),
    Case("parquet bomb", "a few kilobytes of parquet that expand beyond limits.max_expanded_gb", REFUSED,
         "events.parquet: expands to more than 0.001 GB", repeated, limits=SMALL),
    Case("gzip cut short", "a .gz whose end is missing", REFUSED,
         "events.csv.gz: the compressed data are damaged or cut short", file("events.csv.gz", gzip.compress(CSV)[:-9])),
    Case("gzip with turned bytes", "a .gz whose checksum fails", REFUSED,
         "events.csv.gz: the compressed data are damaged or cut short",
         file("events.csv.gz", gzip.compress(CSV)[:-8] + b"12345678")),
    Case("gzip without its suffix", "a gzipped file named .csv", REFUSED,
         "events.csv: is gzip by its first bytes", file("events.csv", gzip.compress(CSV))),
    Case("packed otherwise", "a bzip2 file, whatever its name (xz, zstd, 7-Zip, RAR … alike)", REFUSED,
         "events.csv: is bzip2 by its first bytes, which is not read", file("events.csv", bz2.compress(CSV))),
    Case("zip with ..", "a zip member ../events.csv", REFUSED,
         "has a name that leads out of the archive", zipped(("../events.csv", CSV))),
    Case("zip with an absolute name", "a zip member /tmp/events.csv", REFUSED,
         "has a name that leads out of the archive", zipped(("/tmp/events.csv", CSV))),
    Case("zip with a Windows path", "a zip member C:\\events.csv", REFUSED,
         "has a name that leads out of the archive", zipped(("C:\\events.csv", CSV))),
    Case("zip with a link", "a symbolic link to /etc/passwd in a zip", REFUSED,
         "member 'users.csv' is a link", zipped(("events.csv", CSV), link="users.csv")),
    Case("tar with ..", "a tar member a/../../events.csv", REFUSED,
         "has a name that leads out of the archive", tarred(("a/../../events.csv", tarfile.REGTYPE, CSV))),
    Case("tar with an absolute name", "a tar member /etc/events.csv", REFUSED,
         "has a name that leads out of the archive", tarred(("/etc/events.csv", tarfile.REGTYPE, CSV), suffix=".tar")),
    Case("tar with a symbolic link", "a link out of the archive, after an honest member", REFUSED,
         "member 'users.csv' is a link or device", tarred(MEMBER, ("users.csv", tarfile.SYMTYPE, b"/etc/passwd"))),
    Case("tar with a hard link", "a hard link to /etc/passwd", REFUSED,
         "member 'users.csv' is a link or device", tarred(("users.csv", tarfile.LNKTYPE, b"/etc/passwd"))),
    Case("tar with a device", "a character device as a member", REFUSED,
         "member 'zero.csv' is a link or device", tarred(("zero.csv", tarfile.CHRTYPE, b""))),
    Case("archive cut short", "a tar.gz whose end is missing", REFUSED, "damaged or cut short",
         lambda folder: (tarred(MEMBER)(folder), _cut(folder / "shop.tar.gz", 30))),
    Case("archive of two tables", "a zip of several data files, none of them named in params", REFUSED,
         "holds several data files; say which by `members`", zipped(("a.csv", CSV), ("b.csv", CSV))),
    Case("archive without the member", "no member fits the pattern in params", REFUSED,
         "no member is 'ratings*.csv'; there are: events.csv", zipped(("events.csv", CSV)),
         format=FileFormat(members="ratings*.csv")),
    Case("archive in an archive", "a zip inside a zip", REFUSED,
         "is an archive itself; unpack it first", zipped(("inner.zip", b"PK")), format=FileFormat(members="*")),
    Case("empty file", "no bytes at all", REFUSED, "events.csv: the file is empty", file("events.csv", b"")),
    Case("blank lines only", "nothing but newlines", REFUSED, "events.csv: the file is empty",
         file("events.csv", "\n\r\n  \n")),
    Case("empty parquet", "a parquet file of no bytes", REFUSED, "events.parquet: the file is empty",
         file("events.parquet", b"")),
    Case("header only", "a header and no rows, in the only file of the table", REFUSED,
         "a header at most and no rows", file("events.csv", CSV.splitlines(keepends=True)[0])),
    Case("header only, one file of several", "a day without events among other days", "landed with a remark",
         "b.csv: holds no rows", header_beside_rows, rows=2),
    Case("web page", "an error page saved under the name of the export", REFUSED,
         "events.csv: is a web page (an error page?)", file("events.csv", "<!DOCTYPE html><html>Log in</html>\n")),
    Case("JSON array", "one JSON array instead of JSON lines", REFUSED,
         "is one JSON array, not JSON lines", file("events.jsonl", '[{"user_id": "u1"}]\n')),
    Case("broken JSON lines", "half a line, a key that stands twice, a number, half a surrogate pair", REJECTED,
         "a key stands twice", file("events.jsonl", '{"u": 1}\n{"u": \n{"u": 1, "u": 2}\n17\n{"u": "\\ud800"}\n\n'),
         rows=1, rejected=4),
    Case("JSON nested very deeply", "a line of ten thousand opening brackets", REJECTED,
         "nested too deeply", file("events.jsonl", '{"u": 1}\n{"u": ' + "[" * 10_000 + "]" * 10_000 + "}\n"),
         rows=1, rejected=1),
    Case("Excel with a cell far off", "a sheet whose last cell is XFD1048576, 17 thousand million places", REFUSED,
         "delete the cells far off", workbook([["user_id", "item_id"], ["u1", "i1"]], far="XFD1048576")),
    Case("old Excel or password", "an .xls, or a protected workbook, named .xlsx", REFUSED,
         "is an old .xls or protected by a password", file("events.xlsx", b"\xd0\xcf\x11\xe0" + b"\0" * 600)),
    Case("damaged Excel", "an .xlsx whose end is missing", REFUSED, "is damaged, cut short or no .xlsx",
         lambda folder: (workbook([["user_id"], ["u1"]])(folder), _cut(folder / "events.xlsx", 60))),
    Case("a link instead of a file", "events.csv is a symbolic link to a file elsewhere", REFUSED,
         "events.csv: is a link; put the file itself there", linked),
    Case("a pipe instead of a file", "events.csv is a named pipe, which would wait for ever", REFUSED,
         "events.csv: is no regular file", pipe),
    Case("unknown suffix", "events.bin, with no format declared", REFUSED,
         "the suffix '.bin' names no known format", file("events.bin", CSV)),
    Case("empty member beside rows", "an archive whose member holds the rows after a README", ACCEPTED, "",
         zipped(("README", b"read me"), ("events.csv", CSV)), rows=2),
]  # fmt: skip


def _cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:-size])
