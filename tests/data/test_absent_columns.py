"""A mapped column that some files lack: told before a row is read as if nothing were known, unless params allow it."""

import re

import pytest

from components.core import layout
from components.core.errors import ConfigError, DataError
from components.data.arrivals import add
from components.data.inspection import look
from components.data.mapping.table_mapping import TableMapping, check_mapping
from components.data.source import SourceChoice
from components.forgetting.person import person
from components.forgetting.raw_rows import find_raw
from components.steps.validate import ValidateConfig, validate
from tests.data.hostile.shop import project

COLUMNS = {"user_id": "user", "item_id": "item", "timestamp": "when", "session_id": "visit"}
GOOD = "user,item,when,visit\nu{0},a,2024-01-0{0}T10:00:00,s{0}\n"
RENAMED = GOOD.replace("user", "usr")
WORDS = r"day3.csv: column 'user' is not there, but in other files of interactions"


def shop(folder, files, **more):
    """A project of files, one for each day, in the order given."""
    raw = folder / "raw"
    raw.mkdir()
    for day, content in enumerate(files, 1):
        (raw / f"day{day}.csv").write_text(content.format(day))
    columns = {"files": f"{raw}/*.csv", "columns": COLUMNS, "events": [{"type": "view"}], **more}
    root = folder / "project"
    root.mkdir()
    return root, ValidateConfig(source=project(root, {"interactions": columns}))


@pytest.mark.slow
def test_a_file_that_lacks_a_mapped_column_stops_the_run_and_no_other_file_is_named(tmp_path):
    root, config = shop(tmp_path, [GOOD, GOOD, RENAMED])
    with pytest.raises(DataError, match=WORDS) as stopped:
        validate(config, root, 0)
    assert not re.search("day[12]", str(stopped.value))
    assert not (root / layout.VALIDATED).exists()


@pytest.mark.slow
def test_a_column_that_files_may_lack_is_empty_in_them_and_nothing_is_said(tmp_path):
    old = "user,item,when\nu{0},a,2024-01-0{0}T10:00:00\n"
    root, config = shop(tmp_path, [old, GOOD], may_lack=["visit"])
    result = validate(config, root, 0)
    assert (result.metrics["rows"], result.metrics["quarantined"], result.metrics["warnings"]) == (2 + 1, 0, 0)


def test_nobody_is_half_forgotten_where_a_file_does_not_say_whose_its_rows_are(tmp_path):
    root, config = shop(tmp_path, [GOOD, GOOD, RENAMED])
    source = config.source.open()
    with pytest.raises(DataError, match=WORDS):
        find_raw(root, source, person(root, "u1", source))
    assert "u1" in (root / layout.DATA / "interactions" / "day1.csv").read_text()


@pytest.mark.parametrize("name", ["day3.csv", "day3.csv.gz", "day3.zip"])
def test_a_new_file_that_lacks_a_mapped_column_does_not_come_in(tmp_path, name):
    import gzip
    import zipfile

    root, config = shop(tmp_path, [GOOD, GOOD])
    file, content = tmp_path / name, RENAMED.format(3)
    if name.endswith("zip"):
        with zipfile.ZipFile(file, "w") as packed:
            packed.writestr("day3.csv", content)
    else:
        file.write_bytes(gzip.compress(content.encode()) if name.endswith("gz") else content.encode())
    pinned = (root / layout.DATA_PIN).read_bytes()
    with pytest.raises(DataError, match=r"column 'user' is not there.*Nothing was added"):
        add(root, config.source.open(), "interactions", [file])
    assert (root / layout.DATA_PIN).read_bytes() == pinned
    assert sorted(path.name for path in (root / layout.DATA / "interactions").iterdir()) == ["day1.csv", "day2.csv"]


def test_a_new_file_with_columns_in_another_order_and_one_more_comes_in(tmp_path):
    root, config = shop(tmp_path, [GOOD])
    (tmp_path / "day2.csv").write_text("store,visit,when,item,user\nS7,s2,2024-01-02T10:00:00,a,u2\n")
    _, (came,) = add(root, config.source.open(), "interactions", [tmp_path / "day2.csv"])
    assert (came.name, came.rows) == ("interactions/day2.csv", 1)


def test_only_a_column_that_is_read_may_be_lacking():
    mapping = TableMapping(columns=COLUMNS, may_lack=("store",))
    with pytest.raises(ConfigError, match="may_lack names 'store', which the mapping does not read"):
        check_mapping(mapping, "interactions", "here")


@pytest.mark.slow
def test_one_remark_tells_of_all_files_that_lack_a_column_which_nobody_reads(tmp_path):
    more = GOOD.replace("visit", "visit,store").replace("s{0}", "s{0},S7")
    root, config = shop(tmp_path, [GOOD, GOOD, GOOD, more])
    result = validate(config, root, 0)
    report = (root / layout.QUALITY / "report.json").read_text()
    assert result.metrics["warnings"] == 1
    assert "interactions/day1.csv and 2 more: column 'store' is missing there" in report


def test_check_refuses_what_the_run_would_refuse_with_the_same_words_also_between_the_first_and_the_last_file(tmp_path):
    root, config = shop(tmp_path, [GOOD, GOOD, RENAMED, GOOD])
    source = config.source.open()
    (fault,) = look(source, 1000).faults
    (tmp_path / "landed").mkdir()
    with pytest.raises(DataError, match=WORDS) as stopped:
        source.land(root / layout.DATA, tmp_path / "landed")
    assert str(stopped.value) == f"interactions/{fault}"


def test_check_says_nothing_of_a_key_that_may_come_later_in_a_file_of_json_lines(tmp_path):
    line = '{{"user": "u{0}", "item": "a", "when": "2024-01-0{0}T10:00:00"{1}}}\n'
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "1.jsonl").write_text(line.format(1, ', "visit": "s1"') * 9)
    (raw / "2.jsonl").write_text(line.format(2, "") * 9)
    columns = {"files": f"{raw}/*.jsonl", "columns": COLUMNS, "events": [{"type": "view"}]}
    source = SourceChoice(component="tables", params={"interactions": columns}).open()
    assert look(source, 5).faults == ()
    (fault,) = look(source, 1000).faults
    assert "2.jsonl: column 'visit' is not there" in fault
