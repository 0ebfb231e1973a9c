"""Runs in a real MLflow on SQLite: nested, recorded once, failed when the block fails."""

import pytest

from components.tracking import location
from components.tracking.runs import PARENT_TAG, Record, find, flatten, record, tracked


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def client(root):
    return location.connect(location.tracking_uri(root))


def test_a_record_holds_params_curves_and_files_under_its_parent(root, client, tmp_path):
    (tmp_path / "report.html").write_text("<p>fine</p>")
    what = Record(
        "train-als", "e1", 100.0, 160.0, {"seed": 7, "als": {"factors": 8}}, {"ndcg_at_10": 0.25},
        {"loss": [3.0, 2.0]}, {"component": "als"}, (tmp_path / "report.html",),
    )  # fmt: skip
    with tracked("train", root=root) as flow:
        run_id = record(what, flow.run_id, root)
    run = client.get_run(run_id)
    assert run.data.tags[PARENT_TAG] == flow.run_id
    assert run.data.params == {"seed": "7", "als.factors": "8"}
    assert run.data.metrics == {"ndcg_at_10": 0.25, "loss": 2.0}
    assert [m.value for m in client.get_metric_history(run_id, "loss")] == [3.0, 2.0]
    assert [f.path for f in client.list_artifacts(run_id)] == ["report.html"]
    assert (run.info.start_time, run.info.end_time) == (100_000, 160_000)


def test_a_record_of_what_failed_is_marked_failed(root, client):
    run = record(Record("als", "b-1", 1000.0, 1002.5, status="FAILED"), root=root)
    assert client.get_run(run).info.status == "FAILED"


def test_an_execution_is_recorded_once(root):
    what = Record("clean", "e2", 1.0, 2.0)
    assert find("e2", root) is None
    assert record(what, None, root) == record(what, None, root) == find("e2", root)


def test_a_run_whose_block_raises_is_marked_failed(root, client):
    with pytest.raises(ValueError), tracked("train", root=root) as flow:
        raise ValueError("boom")
    assert client.get_run(flow.run_id).info.status == "FAILED"


def test_flatten_joins_keys_by_dots():
    assert flatten({"a": {"b": {"c": 1}, "d": {}}, "e": [1, 2]}) == {"a.b.c": 1, "e": [1, 2]}
