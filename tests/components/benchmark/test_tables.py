"""The benchmark on tables with times: of a shop that was prepared, or of any source that a params file names."""

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
    (tmp_path / "sales.csv").write_text("\n".join(["who,what,at", *rows, "u1,i1,yesterday"]) + "\n", encoding="utf-8")
    (tmp_path / "params.yaml").write_text(PARAMS, encoding="utf-8")
    result = benchmark("--data", "params.yaml", "--protocol", "temporal", "--models", "popularity", "--out", "out")
    assert result.exit_code == 0, result.output
    report = report_of(tmp_path / "out")
    assert (report["data"]["unreadable"], report["data"]["asked_users"]) == (1, 40)
    assert "nothing: no event at or after a fold's cut-off" in report["data"]["leaks"]
    assert "u1" not in pq.read_table(tmp_path / "out/relevant.parquet")["user_id"].to_pylist(), "ids are pseudonyms"


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
    kept, _ = _readable(con, {schema.USERS_TABLE: people})
    assert kept[schema.USERS_TABLE][schema.USER_ID].to_pandas().tolist() == ["a"]
