"""A person's lines leave text files of every kind; all other bytes stay."""

import gzip
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import layout
from components.data.source import SourceChoice
from components.forgetting.person import Person, person
from components.forgetting.raw_rows import find_raw
from components.forgetting.rewriting import drop_lines

ANN = Person("ann@example.org", frozenset({"ann@example.org"}))
HEADER = "who,what,when,note\r\n"
LINES = (
    "ann@example.org,i1,2024-01-01T10:00:00,\r\n",
    "王小明,i1,2024-01-01T11:00:00,\r\n",
    'ann@example.org,i2,2024-01-02T10:00:00,"two\r\nlines, ""quoted"""\r\n',
    "joann@example.org,i2,2024-01-02T11:00:00,not ann\r\n",
    "ann@example.org,i3,not a time,\r\n",
    "ann@example.org,ragged\r\n",
    '老王,i3,2024-01-03T10:00:00,"a\r\nb"\r\n',
)
KEPT = HEADER + LINES[1] + LINES[3] + LINES[6]


def source(suffix, **format_options):
    table = {
        "files": f"shop/*{suffix}",
        "format": format_options,
        "columns": {"user_id": "who", "item_id": "what", "timestamp": "when"},
    }
    return SourceChoice(component="tables", params={"interactions": table}).open()


def write(root, name, content):
    path = root / layout.DATA / "interactions" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def forget(root, suffix):
    traces = find_raw(root, source(suffix), ANN)
    for trace in traces:
        trace.remove()
    return [(trace.place, trace.count) for trace in traces]


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_csv_loses_the_person_s_records_and_no_other_byte(tmp_path, mark):
    path = write(tmp_path, "a.csv", (mark + HEADER + "".join(LINES)).encode())
    assert forget(tmp_path, ".csv") == [("data/interactions/a.csv", 4)]
    assert path.read_bytes() == (mark + KEPT).encode()
    assert find_raw(tmp_path, source(".csv"), ANN) == []


def test_a_person_is_forgotten_in_every_unicode_form_of_the_id(tmp_path):
    source_, row = source(".csv"), "{},i1,2024-01-01T10:00:00,\n"
    path = write(
        tmp_path, "a.csv", (HEADER + row.format("Zoe\u0308") + row.format("Zo\u00eb") + row.format("Zoe")).encode()
    )
    for asked in ("Zoe\u0308", "Zo\u00eb"):
        one = person(tmp_path, asked, source_)
        assert [trace.count for trace in find_raw(tmp_path, source_, one)] == [2]
    find_raw(tmp_path, source_, one)[0].remove()
    assert path.read_bytes() == (HEADER + row.format("Zoe")).encode()


@pytest.mark.parametrize(
    ("mark", "encoding", "declared"),
    [
        ("\ufeff", "utf-16-le", None),
        ("\ufeff", "utf-16-be", None),
        ("", "utf-16-be", "utf-16-be"),
        ("\ufeff", "utf-32-le", None),
    ],
)
def test_text_of_several_bytes_a_letter_loses_the_same_lines(tmp_path, mark, encoding, declared):
    path = write(tmp_path, "a.csv", (mark + HEADER + "".join(LINES)).encode(encoding))
    traces = find_raw(tmp_path, source(".csv", encoding=declared), ANN)
    assert [(trace.place, trace.count) for trace in traces] == [("data/interactions/a.csv", 4)]
    traces[0].remove()
    assert path.read_bytes() == (mark + KEPT).encode(encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_the_mark_stays_where_the_first_line_goes(tmp_path, encoding):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(("\ufeff" + "a\n\u0a0ab\nc\n").encode(encoding)))  # a letter of two newline bytes
    drop_lines(path, [(1, 2), (3, 4)])
    assert gzip.decompress(path.read_bytes()) == ("\ufeff" + "\u0a0ab\n").encode(encoding)


def test_a_gzipped_file_stays_gzipped_and_equal_rows_give_equal_bytes(tmp_path):
    content = (HEADER + "".join(LINES)).encode()
    path = write(tmp_path, "a.csv.gz", gzip.compress(content))
    forget(tmp_path, ".csv.gz")
    assert gzip.decompress(path.read_bytes()) == KEPT.encode()
    first = path.read_bytes()
    path.write_bytes(gzip.compress(content))
    forget(tmp_path, ".csv.gz")
    assert path.read_bytes() == first


def test_json_lines_lose_the_person_s_lines(tmp_path):
    rows = [{"who": who, "what": "i1", "when": "2024-01-01T10:00:00"} for who in ("王小明", ANN.user_id, "joann")]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    path = write(tmp_path, "a.jsonl", "".join(lines).encode())
    forget(tmp_path, ".jsonl")
    assert path.read_text(encoding="utf-8") == lines[0] + lines[2]


def test_parquet_loses_the_person_s_records(tmp_path):
    path = write(tmp_path, "a.parquet", b"")
    when = ["2024-01-01T10:00:00"] * 3
    pq.write_table(pa.table({"who": ["x", ANN.user_id, None], "what": ["i1", "i2", "i3"], "when": when}), path)
    forget(tmp_path, ".parquet")
    assert pq.read_table(path)["what"].to_pylist() == ["i1", "i3"]


def test_an_archive_without_the_person_is_no_hindrance(tmp_path):
    path = write(tmp_path, "a.zip", b"")
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("b.csv", KEPT)
    assert find_raw(tmp_path, source(".zip", format="csv"), ANN) == []
