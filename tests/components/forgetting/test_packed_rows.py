"""A person's rows leave archives and workbooks; all else in them stays, and what cannot be cut out is refused."""

import gzip
import io
import json
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import layout
from components.core.errors import DataError
from components.data.landing import FileFormat, Limits, land
from components.data.pin import check_pin, write_pin
from components.forgetting.forget import remove
from components.forgetting.raw_rows import find_raw
from tests.components.forgetting.test_raw_rows import ANN, HEADER, KEPT, LINES, source
from tests.data.hostile import workbook as xlsx

TEXT = (HEADER + "".join(LINES)).encode()
NOTE = b"about joann@example.org\n"  # somebody else


def zipped(members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 2, 3, 4, 6)), content)
    return packed.getvalue()


def tarred(members):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), 1_700_000_000
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def content_of(path):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            assert {entry.date_time for entry in archive.infolist()} == {(2024, 1, 2, 3, 4, 6)}
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(path) as archive:
        assert {entry.mtime for entry in archive} == {1_700_000_000}
        return {entry.name: archive.extractfile(entry).read() for entry in archive}


def write(root, name, content):
    path = root / layout.DATA / "interactions" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    write_pin(root / layout.DATA, root / layout.DATA_PIN)
    return path


def forget(root, suffix, **format_options):
    traces = find_raw(root, source(suffix, **format_options), ANN)
    remove(root, traces)
    check_pin(root)
    assert find_raw(root, source(suffix, **format_options), ANN) == []
    return [(trace.place, trace.count) for trace in traces]


def tar_gzipped(members):
    return gzip.compress(tarred(members))


PACKERS = {"a.zip": zipped, "a.tar": tarred, "a.tar.gz": tar_gzipped, "a.tgz": tar_gzipped}
NAMES = ["a.zip", *(pytest.param(name, marks=pytest.mark.slow) for name in sorted(set(PACKERS) - {"a.zip"}))]


@pytest.mark.parametrize("name", NAMES)
def test_members_lose_the_person_s_lines_and_all_else_stays(tmp_path, name):
    members = {"in/b.csv": TEXT, "in/c.csv.gz": gzip.compress(TEXT), "in/d.csv": KEPT.encode(), "README": NOTE}
    path = write(tmp_path, name, PACKERS[name](members))
    assert forget(tmp_path, name[1:], members="in/*") == [(f"data/interactions/{name}", 8)]
    found = content_of(path)
    assert gzip.decompress(found.pop("in/c.csv.gz")) == KEPT.encode()
    assert found == {"in/b.csv": KEPT.encode(), "in/d.csv": KEPT.encode(), "README": NOTE}
    assert list(content_of(path)) == list(members)


@pytest.mark.slow
def test_parquet_and_workbooks_inside_an_archive_lose_the_person_s_rows(tmp_path):
    table = pa.table({"who": ["x", ANN.user_id], "what": ["i1", "i2"], "when": ["2024-01-01T10:00:00"] * 2})
    pq.write_table(table, tmp_path / "b.parquet")
    path = write(tmp_path, "a.zip", zipped({"b.parquet": (tmp_path / "b.parquet").read_bytes()}))
    assert forget(tmp_path, ".zip") == [("data/interactions/a.zip", 1)]
    assert pq.read_table(io.BytesIO(content_of(path)["b.parquet"]))["who"].to_pylist() == ["x"]
    xlsx.workbook(SHEET)(tmp_path)
    path = write(tmp_path, "a.zip", zipped({"b.xlsx": (tmp_path / "events.xlsx").read_bytes()}))
    assert forget(tmp_path, ".zip") == [("data/interactions/a.zip", 2)]


SHEET = [
    ["who", "what", "when"],
    [ANN.user_id, "i1", "2024-01-01T10:00:00"],
    ["王小明", "i2", "2024-01-02T10:00:00"],
    [ANN.user_id, "i3", "2024-01-03T10:00:00"],
    ["joann@example.org", "i4", "2024-01-04T10:00:00"],
]
OTHERS = [(3, "王小明", "i2"), (5, "joann@example.org", "i4")]


def landed(root, path, work, **options):
    work.mkdir()
    land("t", [path], FileFormat(**options), work, Limits(), root)
    return pq.read_table(work / "t.parquet").to_pylist()


@pytest.mark.parametrize("options", [{}, pytest.param({"sheet": "*"}, marks=pytest.mark.slow), {"sheet": "Sheet 2"}])
def test_a_workbook_loses_the_person_s_rows_and_the_others_keep_their_places(tmp_path, options):
    xlsx.workbook(SHEET, SHEET if options else [["other"]])(tmp_path)
    path = write(tmp_path, "a.xlsx", (tmp_path / "events.xlsx").read_bytes())
    if options == {"sheet": "Sheet 2"}:
        with pytest.raises(
            DataError, match=r"a\.xlsx names the person where shoploop reads nothing: xl/worksheets/she"
        ):
            find_raw(tmp_path, source(".xlsx", **options), ANN)
        return
    assert forget(tmp_path, ".xlsx", **options) == [("data/interactions/a.xlsx", 4 if options else 2)]
    rows = landed(tmp_path / layout.DATA, path, tmp_path / "work", **options)
    assert [(r["source_row"], r["who"], r["what"]) for r in rows] == OTHERS * (2 if options else 1)


SHARED = ["who", "what", "when", ANN.user_id, "王小明", "i1", "2024-01-01T10:00:00", "ann's only", "joann@example.org"]


def row(number, *texts, more="", end=""):
    """A row of shared texts by number, as some writers prefix it."""
    cells = "".join(f'<x:c t="s"><x:v>{text}</x:v></x:c>' for text in texts)
    return f'<x:row r="{number}">{cells}{more}</x:row>{end}'


FORMULA = "<x:c><x:f>1+1</x:f><x:v>2</x:v></x:c>"
SHARED_FORMULA = '<x:c><x:f t="shared" ref="D2:D6" si="0">A2</x:f></x:c>'
REST = ('<x:row r="3"/>', row(4, 4, 5, 6), row(5, 3, 7, 6, end="\n"), row(6, 8, 5, 6))
ROWS = (row(1, 0, 1, 2), row(2, 3, 5, 6, more=FORMULA), *REST)


def office(*rows, kind="", **parts):
    """A workbook as Excel writes it: texts apart, prefixed names, a list of formulas."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as book:
        types = xlsx.TYPES.replace("</Types>", '<Override PartName="/xl/calcChain.xml" ContentType="x"/></Types>')
        relations = xlsx._relations(1).replace("</Rel", f'<Relationship Id="t" Type="{xlsx.OFFICE}/sharedStrings" '
            'Target="sharedStrings.xml"/><Relationship Id="c" Type="x" Target="calcChain.xml"/></Rel', 1)  # fmt: skip
        main = f'xmlns:x="{xlsx.MAIN}"'
        body, texts = "".join(rows), "".join(f"<x:si><x:t>{text}</x:t></x:si>" for text in SHARED)
        for name, content in {
            "[Content_Types].xml": types, "_rels/.rels": xlsx.ROOT, "xl/workbook.xml": xlsx._book(1),
            "xl/_rels/workbook.xml.rels": relations, "xl/styles.xml": xlsx.STYLES, "xl/calcChain.xml": "<c/>",
            "xl/worksheets/sheet1.xml": f"{kind}<x:worksheet {main}><x:sheetData>{body}</x:sheetData></x:worksheet>",
            "xl/sharedStrings.xml": f"<x:sst {main}>{texts}</x:sst>",
        }.items():  # fmt: skip
            book.writestr(name, content)
        for name, content in parts.items():
            book.writestr(f"xl/{name}.xml", content)
    return made.getvalue()


def test_shared_texts_that_nobody_uses_any_more_are_emptied_and_no_other_byte_changes(tmp_path):
    path = write(tmp_path, "a.xlsx", office(*ROWS))
    forget(tmp_path, ".xlsx")
    with zipfile.ZipFile(path) as book:
        assert "xl/calcChain.xml" not in book.namelist()
        assert not [name for name in book.namelist() if b"calcChain" in book.read(name)]
        sheet, texts = book.read("xl/worksheets/sheet1.xml").decode(), book.read("xl/sharedStrings.xml").decode()
    before = zipfile.ZipFile(io.BytesIO(office(*ROWS)))
    expected = before.read("xl/worksheets/sheet1.xml").decode().replace(ROWS[1], "").replace(ROWS[4].strip(), "")
    assert sheet == expected
    original = before.read("xl/sharedStrings.xml").decode()
    for gone in (ANN.user_id, "ann's only"):
        original = original.replace(f"<x:si><x:t>{gone}</x:t></x:si>", "<x:si><x:t/></x:si>")
    assert texts == original
    rows = landed(tmp_path / layout.DATA, path, tmp_path / "work")
    assert [(r["source_row"], r["who"]) for r in rows] == [(4, "王小明"), (6, "joann@example.org")]


COMMENT = f"<c>{ANN.user_id} called</c>"
REFUSED = {
    "names the person where shoploop reads nothing: xl/comments1.xml": office(*ROWS, comments1=COMMENT),
    "row 2 of xl/worksheets/sheet1.xml holds a formula that other rows": office(
        ROWS[0], row(2, 3, 5, 6, more=SHARED_FORMULA), *REST
    ),
    "declares a document type": office(*ROWS, kind="<!DOCTYPE worksheet>"),
}


@pytest.mark.parametrize("said", sorted(REFUSED))
def test_a_workbook_that_would_keep_a_trace_or_be_harmed_is_refused_and_stays(tmp_path, said):
    content = REFUSED[said]
    path = write(tmp_path, "a.xlsx", content)
    with pytest.raises(DataError, match=said):
        find_raw(tmp_path, source(".xlsx"), ANN)
    assert path.read_bytes() == content


@pytest.mark.slow
def test_an_archive_that_names_the_person_where_nothing_is_read_is_refused(tmp_path):
    path = write(tmp_path, "a.zip", zipped({"in/b.csv": KEPT.encode(), "README": ANN.user_id.encode()}))
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"a\.zip names the person where shoploop reads nothing: README\. Nothing was"):
        find_raw(tmp_path, source(".zip", members="in/*"), ANN)
    assert path.read_bytes() == before


@pytest.mark.slow
def test_gzipped_parquet_loses_records_not_lines(tmp_path):
    table = pa.table({"who": ["x", ANN.user_id], "what": ["i1", "i2"], "when": ["2024-01-01T10:00:00"] * 2})
    pq.write_table(table, tmp_path / "b.parquet")
    path = write(tmp_path, "a.parquet.gz", gzip.compress((tmp_path / "b.parquet").read_bytes()))
    assert forget(tmp_path, ".parquet.gz") == [("data/interactions/a.parquet.gz", 1)]
    assert pq.read_table(io.BytesIO(gzip.decompress(path.read_bytes())))["who"].to_pylist() == ["x"]


@pytest.mark.slow
def test_json_lines_inside_a_zip_lose_the_person_s_lines(tmp_path):
    rows = [{"who": who, "what": "i1", "when": "2024-01-01T10:00:00"} for who in ("王小明", ANN.user_id)]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    path = write(tmp_path, "a.zip", zipped({"b.jsonl": "".join(lines).encode()}))
    forget(tmp_path, ".zip")
    assert content_of(path) == {"b.jsonl": lines[0].encode()}
