"""The benchmark on tables with times: of a shop that was prepared, or of any source that a params file names."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.components.benchmark.test_benchmark import benchmark, report_of

PARAMS = """source:
  component: tables
  params:
    interactions: {files: sales.csv, columns: {user_id: who, item_id: what, timestamp: at}}
split: {min_users_per_item: 1, min_items_per_user: 1}
"""


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["temporal", "leave-last-basket", "sessions"])
def test_canonical_tables_are_asked_under_every_protocol_in_two_views(trained_shop, tmp_path, protocol):
    arguments = ["--data", trained_shop / "artifacts/clean", "--protocol", protocol, "--out", tmp_path, "--repeats"]
    result = benchmark(*arguments, "--models", "household_recency,popularity", "--min-items-per-user", 1)
    assert result.exit_code == 0, result.output
    report = report_of(tmp_path)
    assert report["asked"]["views"] == ["all", "new"] and report["split"]["method"] == protocol.replace("-", "_")
    found = {
        view: report["views"][view]["figures"]["household_recency"]["ndcg_at_10"]["mean"] for view in ("all", "new")
    }
    if protocol != "sessions":
        assert found["all"] > found["new"], "what a household had is foretold among all items, never among new ones"
    assert sorted(f.name for f in tmp_path.glob("relevant*")) == ["relevant.all.parquet", "relevant.new.parquet"]


@pytest.mark.slow
def test_a_params_file_names_any_source_and_its_unreadable_rows_are_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"u{u},i{(u + day) % 40},2024-01-{day + 1:02}" for u in range(40) for day in range(28)]
    bad = ["u1,i1,yesterday", "u1,,2024-01-02", "u2,,2024-01-02"]
    (tmp_path / "sales.csv").write_text("\n".join(["who,what,at", *rows, *bad]) + "\n", encoding="utf-8")
    (tmp_path / "params.yaml").write_text(PARAMS, encoding="utf-8")
    result = benchmark("--data", "params.yaml", "--protocol", "temporal", "--models", "popularity", "--out", "out")
    assert result.exit_code == 0, result.output
    report = report_of(tmp_path / "out")
    assert (report["data"]["unreadable"], report["data"]["asked_users"]) == (3, 40)
    first, second = report["data"]["unreadable_why"]
    assert first == "interactions/sales.csv, line 1,123 and 1 more: an id or a time is missing"
    assert second.startswith("interactions/sales.csv, line 1,122: ") and "yesterday" in second
    assert second in " ".join(result.output.split())
    assert "nothing: no event at or after a fold's cut-off" in report["data"]["leaks"]
    assert "u1" not in pq.read_table(tmp_path / "out/relevant.parquet")["user_id"].to_pylist(), "ids are pseudonyms"


def test_a_catalogue_of_all_that_is_listed_holds_new_products_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"u{u},i{(u + day) % 40},2024-01-{day + 1:02}" for u in range(40) for day in range(28)]
    (tmp_path / "sales.csv").write_text("\n".join(["who,what,at", *rows]) + "\n", encoding="utf-8")
    (tmp_path / "goods.csv").write_text("what\n" + "".join(f"i{n}\n" for n in range(45)), encoding="utf-8")
    items = "    items: {files: goods.csv, columns: {item_id: what}}\nsplit: {"
    found = {}
    for catalogue in ("bought", "listed"):
        params = PARAMS.replace("split: {", items).replace("user: 1}", f"user: 1, catalogue: {catalogue}}}")
        (tmp_path / "params.yaml").write_text(params, encoding="utf-8")
        result = benchmark(
            "--data", "params.yaml", "--protocol", "temporal", "--models", "popularity", "--out", catalogue
        )
        assert result.exit_code == 0, result.output
        told = report_of(tmp_path / catalogue)["data"]
        found[catalogue] = told["items"]
        assert ("all of today's items table" in told["leaks"]) == (catalogue == "listed")
    assert found == {"bought": 40, "listed": 45}


def test_two_files_of_one_folder_do_not_read_alike(tmp_path):
    from components.benchmark import text
    from components.benchmark.material import recognise

    for name in ("params.yaml", "may.yaml"):
        (tmp_path / name).write_text(PARAMS, encoding="utf-8")
    for name in ("sequences.txt", "shop 24.txt"):
        (tmp_path / name).write_text("u a b c\n", encoding="utf-8")
    usual, own = [[recognise(tmp_path / name) for name in names] for names in (
        ("params.yaml", "sequences.txt"), ("may.yaml", "shop 24.txt"))]  # fmt: skip
    assert [(m.name, m.file) for m in usual] == [("tables", None), (tmp_path.name, None)]
    assert [(m.name, m.file) for m in own] == [("may.yaml", "may.yaml"), ("shop 24.txt", "shop 24.txt")]
    asked = {"protocol": "leave-last-out", "seeds": 1, "validation": False, "repeats": False, "density": {}}
    asked |= text.USUAL | {"models": "als"}
    told = text.command({"asked": asked, "entries": {}, "data": {"kind": "sequences", "file": own[1].file}})
    assert told.startswith("shoploop benchmark --data 'shop 24.txt' --protocol leave-last-out --models als")


def test_a_misspelt_option_of_the_split_is_refused_and_one_of_another_method_is_not(tmp_path):
    from components.benchmark.material import recognise
    from components.benchmark.protocols import splitter
    from components.core.errors import ConfigError

    (tmp_path / "params.yaml").write_text(PARAMS, encoding="utf-8")
    (tmp_path / "bad.yaml").write_text(PARAMS.replace("min_users_per", "min_user_per"), encoding="utf-8")
    (tmp_path / "other.yaml").write_text(PARAMS.replace("split: {", "split: {method: rolling, windows: 3, "), "utf-8")
    with pytest.raises(
        ConfigError, match=r"bad\.yaml: split: unknown option min_user_per_item; known: .*min_users_per_item"
    ):
        splitter("temporal", recognise(tmp_path / "bad.yaml"), {})
    assert splitter("temporal", recognise(tmp_path / "other.yaml"), {}).config.method == "temporal"


def test_a_table_that_needs_a_user_and_nothing_else_is_read_whole():
    import ibis

    from components.benchmark.material import _readable
    from components.core import schema
    from components.data.engine import EngineConfig

    con = EngineConfig().open()
    people = con.create_table(
        "people",
        ibis.memtable({schema.USER_ID: ["a", "b"], schema.PROBLEM: [None, "'?'"]}).cast({schema.PROBLEM: "string"}),
    )
    kept, *_ = _readable(con, {schema.USERS_TABLE: people})
    assert kept[schema.USERS_TABLE][schema.USER_ID].to_pandas().tolist() == ["a"]


def a_snapshot(folder, **columns):
    """Canonical interactions that somebody made by hand: eight users, five purchases each."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    usual = {
        "user_id": [f"u{at // 5}" for at in range(40)],
        "item_id": [f"i{(at % 5 + at // 5) % 6}" for at in range(40)],
        "event_type": ["purchase"] * 40,
        "timestamp": [start + timedelta(days=7 * at % 40) for at in range(40)],
    }
    folder.mkdir()
    given = {name: values for name, values in (usual | columns).items() if values is not None}
    pq.write_table(pa.table(given), folder / "interactions.parquet")
    return folder


def compared(data, out):
    every = ("--min-users-per-item", 1, "--min-items-per-user", 1)
    return benchmark("--data", data, "--protocol", "leave-last-out", "--models", "popularity", "--out", out, *every)


@pytest.mark.slow
@pytest.mark.parametrize("column", ["item_id", "timestamp"])
def test_rows_of_a_snapshot_without_an_item_or_a_time_are_left_out_and_counted(tmp_path, column):
    whole = pq.read_table(a_snapshot(tmp_path / "whole") / "interactions.parquet")[column].to_pylist()
    data = a_snapshot(tmp_path / "gaps", **{column: [None if at % 5 == 0 else v for at, v in enumerate(whole)]})
    result = compared(data, tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert report_of(tmp_path / "out")["data"]["unreadable"] == 8
    assert "8 events lacked an item, a type or a time" in " ".join(result.output.split())


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC"])
def test_times_of_any_unit_with_a_zone_or_without_are_read(tmp_path, unit, zone):
    start = datetime(2024, 1, 1)  # noqa: DTZ001 – Arrow puts the zone to it
    times = pa.array([start + timedelta(days=7 * at % 40) for at in range(40)], pa.timestamp(unit, zone))
    data = a_snapshot(tmp_path / "shop", timestamp=times, session_id=pa.nulls(40))
    assert compared(data, tmp_path / "out").exit_code == 0
    told, usual = report_of(tmp_path / "out"), compared(a_snapshot(tmp_path / "usual"), tmp_path / "as_usual")
    assert usual.exit_code == 0 and told["views"] == report_of(tmp_path / "as_usual")["views"]
    assert told["data"]["unreadable"] == 0


@pytest.mark.slow
def test_a_blank_id_is_none_and_events_of_no_user_are_told(tmp_path):
    whole = pq.read_table(a_snapshot(tmp_path / "whole") / "interactions.parquet")
    items = ["  "[: at % 2] if at % 5 == 0 else item for at, item in enumerate(whole["item_id"].to_pylist())]
    users = [None if at == 1 else "" if at == 2 else user for at, user in enumerate(whole["user_id"].to_pylist())]
    data = a_snapshot(tmp_path / "blank", item_id=items, user_id=users)
    assert compared(data, tmp_path / "out").exit_code == 0
    told = report_of(tmp_path / "out")["data"]
    assert told["unreadable"] == 8
    assert told["remarks"] == ["2 events have no user: they are in no user's history"]


@pytest.mark.slow
def test_where_no_event_counts_it_says_what_there_is_and_what_counts(tmp_path):
    result = compared(a_snapshot(tmp_path / "case", event_type=["Purchase"] * 40), tmp_path / "out")
    words = " ".join(result.output.split())
    assert result.exit_code == 2 and "no event to split" in words and "events with one there are 40 Purchase." in words


@pytest.mark.slow
def test_a_second_run_leaves_no_answers_of_the_first(tmp_path):
    data, out = a_snapshot(tmp_path / "shop"), tmp_path / "out"
    given = ("--min-users-per-item", 1, "--min-items-per-user", 1, "--models", "popularity", "--out", out)
    assert benchmark("--data", data, "--protocol", "leave-last-out", "--repeats", *given).exit_code == 0
    assert (out / "relevant.all.parquet").is_file()
    assert compared(data, out).exit_code == 0
    assert [file.name for file in out.glob("relevant*")] == ["relevant.parquet"]


@pytest.mark.slow
def test_whole_numbers_are_ids_and_a_column_of_nothing_is_no_fault(tmp_path):
    data = a_snapshot(tmp_path / "numbers", user_id=[at // 5 for at in range(40)], session_id=[None] * 40)
    assert compared(data, tmp_path / "out").exit_code == 0
    assert report_of(tmp_path / "out")["data"]["asked_users"] == 8


@pytest.mark.slow
@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"event_type": None}, "column event_type is missing; it has user_id, item_id, timestamp"),
        ({"timestamp": ["2024-01-01"] * 40}, "column timestamp holds string, and timestamp(6) is wanted"),
        ({"item_id": [[1]] * 40}, "column item_id holds array<int64>, and string is wanted"),
    ],
)
def test_a_snapshot_of_other_columns_is_refused_by_name(tmp_path, columns, words):
    result = compared(a_snapshot(tmp_path / "other", **columns), tmp_path / "out")
    assert result.exit_code == 2 and words in " ".join(result.output.split())


@pytest.mark.slow
def test_an_optional_column_of_another_type_is_left_out_with_a_word(tmp_path):
    data = a_snapshot(tmp_path / "shop")
    pq.write_table(pa.table({"item_id": ["i0", "i1"], "brand": [1.5, None]}), data / "items.parquet")
    assert compared(data, tmp_path / "out").exit_code == 0
    said = report_of(tmp_path / "out")["data"]["remarks"]
    assert said == ["items.parquet: column brand holds float64, not string, and was left out"]


@pytest.mark.slow
def test_what_was_undone_later_has_the_same_types(tmp_path):
    data = a_snapshot(tmp_path / "numbers", user_id=[at // 5 for at in range(40)], session_id=list(range(40)))
    undone = pq.read_table(data / "interactions.parquet").slice(0, 1)
    late = pa.array([datetime(2024, 3, 1, tzinfo=UTC)])
    pq.write_table(undone.append_column("undone_at", late), data / "undone.parquet")
    given = ("--min-users-per-item", 1, "--min-items-per-user", 1, "--models", "popularity", "--out", tmp_path / "out")
    result = benchmark("--data", data, "--protocol", "temporal", "--repeats", *given)
    assert result.exit_code == 0, result.output
    pq.write_table(undone, data / "undone.parquet")
    result = compared(data, tmp_path / "again")
    assert result.exit_code == 2 and "column undone_at is missing" in " ".join(result.output.split())


def test_a_snapshot_of_nothing_that_can_be_read_says_so(tmp_path):
    result = compared(a_snapshot(tmp_path / "empty", timestamp=[None] * 40), tmp_path / "out")
    assert result.exit_code == 2 and "all 40 events lack an item, a type or a time" in " ".join(result.output.split())
