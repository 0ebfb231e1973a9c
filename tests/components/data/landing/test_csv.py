"""CSV is landed exactly as written, whatever the block size; every line is accounted for, whatever the bytes."""

import csv
import io

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.core.errors import DataError
from components.data.landing import FileFormat, Limits, csv_table, land

ONE_EACH = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FIELD = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12)
ROWS = st.lists(st.tuples(FIELD, FIELD, FIELD), min_size=1, max_size=20)


def landed(folder, content, file_format=None, name="t.csv"):
    """Rows without their trace, source rows, and rejected lines of one CSV file."""
    (folder / name).write_bytes(content)
    found = land("t", [folder / name], file_format or FileFormat(delimiter=","), folder / "work", Limits(), folder)
    rows = pq.read_table(found.path).to_pylist()
    rejected = pq.read_table(found.rejected_path).to_pylist() if found.rejected else []
    assert all(account.balances for account in found.accounts.values())
    return [tuple(r.values())[:-2] for r in rows], [r["source_row"] for r in rows], rejected


def written(rows, terminator="\n", encoding="utf-8"):
    out = io.StringIO(newline="")
    # Python's writer forgets to quote a lone carriage return.
    quoting = csv.QUOTE_ALL if "\r" in "".join(map("".join, rows)) else csv.QUOTE_MINIMAL
    csv.writer(out, lineterminator=terminator, quoting=quoting).writerows([("a", "b", "c"), *rows])
    return out.getvalue().encode(encoding)


@ONE_EACH
@given(rows=ROWS, terminator=st.sampled_from(["\n", "\r\n"]), size=st.sampled_from([1, 7, 64, 2**20]))
def test_what_a_csv_writer_wrote_is_landed_as_it_was(tmp_path, monkeypatch, rows, terminator, size):
    monkeypatch.setattr(csv_table, "BLOCK_SIZE", size)
    assert landed(tmp_path, written(rows, terminator))[0] == rows


@ONE_EACH
@given(
    body=st.binary(max_size=200) | st.text('ab,"\n\r\0é', max_size=60).map(str.encode),
    size=st.sampled_from([1, 9, 512]),
)
def test_every_line_of_any_bytes_is_accounted_for(tmp_path, monkeypatch, body, size):
    monkeypatch.setattr(csv_table, "BLOCK_SIZE", size)
    content = b"a,b\n1,2\n" + body
    rows, places, rejected = landed(tmp_path, content, FileFormat(encoding="utf-8", delimiter=","))
    lines = content.removesuffix(b"\n").split(b"\n")
    assert rows[0] == ("1", "2") and places[0] == 2
    assert sorted({*places, *(r["source_row"] for r in rejected)}) == sorted(
        [*places, *(r["source_row"] for r in rejected)]
    )
    assert all(r["reason"] and 2 < r["source_row"] <= len(lines) for r in rejected)


@pytest.mark.parametrize("size", [4, 2**20])
def test_the_source_row_is_the_line_where_a_record_starts(tmp_path, monkeypatch, size):
    monkeypatch.setattr(csv_table, "BLOCK_SIZE", size)
    rows, places, rejected = landed(tmp_path, b'a,b\n\n1,"x\ny"\n\r\nbad\n2,z\n')
    assert rows == [("1", "x\ny"), ("2", "z")]
    assert places == [3, 7]
    assert [(r["source_row"], r["original"], r["rule"]) for r in rejected] == [(6, "bad", "ragged")]


def test_a_rejected_line_keeps_its_bytes_readable(tmp_path):
    _, _, rejected = landed(tmp_path, "a,b\nü,1\n".encode() + b"caf\xe9,2\n")
    assert [(r["original"], r["rule"]) for r in rejected] == [("caf\\xe9,2", "encoding")]


def test_an_open_quote_costs_its_own_line_only(tmp_path):
    lines = [f"{i},fine" for i in range(50)]
    lines[10] = '10,"open'
    rows, _, rejected = landed(tmp_path, "\n".join(["a,b", *lines]).encode())
    assert len(rows) == 49 and [r["source_row"] for r in rejected] == [12]


def test_a_blank_is_not_lost_in_a_file_of_one_column(tmp_path):
    rows, _, _ = landed(tmp_path, b'a\nx\n\n""\n y \n')
    assert rows == [("x",), ("",), (" y ",)]


def test_a_long_delimiter_cuts_and_a_file_without_header_is_named(tmp_path):
    declared = FileFormat(format="csv", delimiter="::", header=False, columns=("user", "title", "rating"))
    rows, places, _ = landed(tmp_path, b'1::A "b": c, d::5\n2::x::4\n', declared, "ratings.dat")
    assert rows == [("1", 'A "b": c, d', "5"), ("2", "x", "4")] and places == [1, 2]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path, delimiter):
    content = f'a{delimiter}b\n"1,5; x\t|"{delimiter}2\n3{delimiter}4\n'.encode()
    assert landed(tmp_path, content, FileFormat())[0] == [("1,5; x\t|", "2"), ("3", "4")]


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "utf-16", "utf-32", "cp1252", "latin-1"])
def test_a_declared_encoding_is_decoded(tmp_path, monkeypatch, encoding):
    monkeypatch.setattr(csv_table, "BLOCK_SIZE", 16)
    text = "牛奶|" if encoding in ("gb18030", "gbk", "utf-16", "utf-32") else "Müsli|"
    rows, _, _ = landed(
        tmp_path, f'a,b\n{text},1\n"{text}\n{text}",2\n'.encode(encoding), FileFormat(encoding=encoding)
    )
    assert rows == [(text, "1"), (f"{text}\n{text}", "2")]


def test_columns_without_a_header_must_be_named(tmp_path):
    with pytest.raises(DataError, match="without a header its columns must be named; give `columns`"):
        landed(tmp_path, b"1,2\n", FileFormat(header=False))
