"""JSON lines, Excel, parquet, sequences and archives: values come out as they went in."""

import gzip
import io
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core.errors import DataError
from components.data.landing import FileFormat, Limits, land
from tests.data.hostile.workbook import Day, workbook


def landed(folder, *files, file_format=None, limits=None):
    """Rows of the landed table, and what `land` returned."""
    found = land(
        "t", [folder / f for f in files], file_format or FileFormat(), folder / "work", limits or Limits(), folder
    )
    return pq.read_table(found.path).to_pylist(), found


def test_json_keeps_numbers_as_written_and_nested_values_as_json(tmp_path):
    (tmp_path / "r.jsonl").write_text(
        '{"id": "007", "price": 9.90, "big": 18446744073709551617, "huge": 1e308}\n\n'
        '{"id": "8", "price": NaN, "tags": ["a", {"b": 1.50}], "new": true, "none": null}\n'
    )
    rows, found = landed(tmp_path, "r.jsonl")
    assert {k: rows[0][k] for k in ("id", "price", "big", "huge")} == {
        "id": "007", "price": "9.90", "big": "18446744073709551617", "huge": "1e308"
    }  # fmt: skip
    assert (rows[1]["price"], rows[1]["tags"], rows[1]["new"], rows[1]["none"]) == (
        "NaN",
        '["a", {"b": 1.50}]',
        "true",
        None,
    )
    assert [r["source_row"] for r in rows] == [1, 3]
    assert found.accounts["r.jsonl"].blank == 1


def test_a_key_that_turns_up_late_is_a_column_of_all_rows(tmp_path, monkeypatch):
    from components.data.landing import json_lines

    monkeypatch.setattr(json_lines, "BLOCK_SIZE", 16)
    (tmp_path / "r.jsonl").write_text(
        "".join(f'{{"a": {i}}}\n' for i in range(9)) + '{"a": 9, "late": "x"}\n{"a": 10}\n'
    )
    rows, _ = landed(tmp_path, "r.jsonl")
    assert [(r["a"], r["late"]) for r in rows[8:]] == [("8", None), ("9", "x"), ("10", None)]


def test_printed_python_dictionaries_are_read_where_declared(tmp_path):
    (tmp_path / "m.json").write_text("{'asin': 'B1', 'price': 9.5, 'title': \"Kid's\"}\n__import__('os')\n")
    rows, found = landed(tmp_path, "m.json", file_format=FileFormat(python_literals=True))
    assert (rows[0]["asin"], rows[0]["price"], rows[0]["title"]) == ("B1", "9.5", "Kid's")
    assert (found.rows, found.rejected) == (1, 1)


def test_excel_gives_numbers_dates_and_blanks_as_a_person_sees_them(tmp_path):
    workbook(
        [["InvoiceNo", "Quantity", "At", "Price", "Note"], ["C536379", -1.0, Day(40513.351388888885), 27.5, None],
         [None] * 5, ["00123", 17850.0, None, 2.55, " =1+1 "]]
    )(tmp_path)  # fmt: skip
    rows, found = landed(tmp_path, "events.xlsx")
    assert list(rows[0].values())[:5] == ["C536379", "-1", "2010-12-01 08:26:00", "27.5", None]
    assert list(rows[1].values())[:5] == ["00123", "17850", None, "2.55", " =1+1 "]
    assert [r["source_row"] for r in rows] == [2, 4] and found.accounts["events.xlsx"].blank == 1


def test_sheets_that_are_not_read_are_told_of(tmp_path):
    workbook([["a"], ["1"]], [["a"], ["2"]])(tmp_path)
    rows, found = landed(tmp_path, "events.xlsx")
    assert [r["a"] for r in rows] == ["1"]
    assert found.remarks == ("events.xlsx: sheet 'Sheet 1' is read, others are not: Sheet 2",)
    rows, found = landed(tmp_path, "events.xlsx", file_format=FileFormat(sheet="*"))
    assert [(r["a"], r["source_file"]) for r in rows] == [("1", "events.xlsx#Sheet 1"), ("2", "events.xlsx#Sheet 2")]
    with pytest.raises(DataError, match=r"no sheet 'May'; there are: Sheet 1, Sheet 2\."):
        landed(tmp_path, "events.xlsx", file_format=FileFormat(sheet="May"))


def test_parquet_keeps_its_types_and_a_folder_is_one_table(tmp_path):
    folder = tmp_path / "events"
    folder.mkdir()
    at = pa.array([1_704_153_600_000_000_000, None], pa.timestamp("ns"))
    table = pa.table({"user": pa.array(["a", "b"]).dictionary_encode(), "at": at, "n": [1, 2], "gone": pa.nulls(2)})
    pq.write_table(table, folder / "1.parquet")
    pq.write_table(table.slice(1), folder / "2.parquet")
    (folder / "_SUCCESS").touch()
    rows, found = landed(tmp_path, "events")
    assert [(r["user"], r["n"], r["source_file"], r["source_row"]) for r in rows] == [
        ("a", 1, "events/1.parquet", 1), ("b", 2, "events/1.parquet", 2), ("b", 2, "events/2.parquet", 1)
    ]  # fmt: skip
    assert pq.read_schema(found.path).field("at").type == pa.timestamp("us")


def test_parquet_files_of_different_types_are_refused(tmp_path):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"a": ["x"]}), tmp_path / "2.parquet")
    with pytest.raises(DataError, match=r"2\.parquet: column 'a' is string, in the files before it is int64"):
        landed(tmp_path, "1.parquet", "2.parquet")


def test_sequences_of_one_length_whose_ids_look_like_times_are_sequences(tmp_path):
    (tmp_path / "clicks.sequences").write_text("".join(f"u{u} {878300000 + u} {878300001 + u}\n" for u in range(9)))
    assert landed(tmp_path, "clicks.sequences")[1].rows == 18


def test_a_declared_delimiter_is_believed(tmp_path):
    (tmp_path / "clicks.sequences").write_text("u1,a,b\nu2,c,d\n")
    assert landed(tmp_path, "clicks.sequences", file_format=FileFormat(delimiter=","))[1].rows == 4


def test_sequences_become_rows_with_positions(tmp_path):
    (tmp_path / "clicks.sequences").write_text("u1 a b  a\n\nu2\tc\n")
    rows, found = landed(tmp_path, "clicks.sequences")
    assert [tuple(r.values()) for r in rows] == [
        ("u1", "a", 1, "clicks.sequences", 1), ("u1", "b", 2, "clicks.sequences", 1),
        ("u1", "a", 3, "clicks.sequences", 1), ("u2", "c", 1, "clicks.sequences", 3),
    ]  # fmt: skip
    assert found.accounts["clicks.sequences"].balances and found.rows == 4


def test_gzip_zip_and_tar_give_the_same_rows(tmp_path):
    content = b"user,item\nu1,i1\nu2,i2\n"
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(content[:13]) + gzip.compress(content[13:]))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as z:
        z.writestr("in/b.csv.gz", gzip.compress(content))
    with tarfile.open(tmp_path / "c.tgz", "w:gz") as t:
        for name in ("in/c1.csv", "in/c2.csv", "README"):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            t.addfile(info, io.BytesIO(content))
    rows, found = landed(tmp_path, "a.csv.gz", "b.zip", "c.tgz", file_format=FileFormat(members="in/*"))
    assert [r["user"] for r in rows] == ["u1", "u2"] * 4
    assert list(found.accounts) == ["a.csv.gz", "b.zip!in/b.csv.gz", "c.tgz!in/c1.csv", "c.tgz!in/c2.csv"]


def test_parquet_and_excel_are_read_inside_an_archive(tmp_path):
    workbook([["a"], ["1"]])(tmp_path)
    pq.write_table(pa.table({"a": ["2"]}), tmp_path / "x.parquet")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as z:
        z.write(tmp_path / "events.xlsx", "events.xlsx")
        z.write(tmp_path / "x.parquet", "x.parquet")
    rows, _ = landed(tmp_path, "b.zip", file_format=FileFormat(members="*"))
    assert [(r["a"], r["source_file"]) for r in rows] == [("1", "b.zip!events.xlsx"), ("2", "b.zip!x.parquet")]


def test_the_first_rows_are_landed_without_reading_the_rest(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"user,item\n" + b"u1,i1\n" * 100_000)
    _, found = landed(tmp_path, "a.csv", limits=Limits(first_rows=1000))
    assert 1000 <= found.rows < 20_000


def test_what_landing_did_is_written_beside_its_rows(tmp_path):
    from components.core.bundle import read_json

    (tmp_path / "a.csv").write_bytes(b",user\n0,u1\n1\n")
    landed(tmp_path, "a.csv")
    told = read_json(tmp_path / "work" / "t.landed.json")
    assert (told["rows"], told["rejected"], told["files"]["a.csv"]["lines"]) == (1, 1, 3)
    assert told["remarks"] == ["a.csv: column 1 has no name and is called column_1"]


def test_a_file_outside_the_data_folder_is_refused(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "a.csv").write_bytes(b"a\n1\n")
    with pytest.raises(DataError, match="is not below"):
        land("t", [tmp_path / "a.csv"], FileFormat(), tmp_path / "work", Limits(), tmp_path / "data")
