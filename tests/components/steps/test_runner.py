"""The runner: configuration checked first, plain words for what goes wrong, a receipt for what went well."""

import errno
import json

import pytest
import yaml
from click.testing import CliRunner

from components.__main__ import main
from components.core import layout
from components.core.config import PARAMS_FILE, read_params
from components.core.errors import ConfigError, DataError, ShoploopError
from components.steps import runner
from components.steps.receipt import digest, read_receipt
from components.steps.table import TRAIN_PREFIX, table
from components.tracking import location
from components.tracking.runs import find


@pytest.fixture
def params(request):
    return read_params(request.config.rootpath / PARAMS_FILE)


@pytest.fixture
def project(tmp_path, params, monkeypatch):
    """A folder with the project's parameters and nothing else."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / PARAMS_FILE).write_text(yaml.safe_dump(params))
    return tmp_path


def change(project, section, **values):
    params = read_params(project / PARAMS_FILE)
    params[section] = (params.get(section) or {}) | values
    (project / PARAMS_FILE).write_text(yaml.safe_dump(params))


def small_split(project):
    """Canonical tables so small that the split can be checked by eye."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from components.core import schema as s

    days = [f"2024-01-{day:02} 12:00:00" for day in range(1, 31)]
    rows = [(f"u{u}", f"i{i}", day) for day in days for u in range(3) for i in range(3)]
    user, item, day = zip(*rows, strict=True)
    times = pa.array(day).cast(pa.timestamp("us"))
    table = pa.table({s.USER_ID: user, s.ITEM_ID: item, s.EVENT_TYPE: [s.PURCHASE] * len(rows), s.TIMESTAMP: times})
    (project / layout.CLEAN).mkdir(parents=True)
    pq.write_table(table, project / layout.CLEAN / "interactions.parquet")
    change(project, "split", min_users_per_item=1, min_items_per_user=1)


def test_a_step_leaves_a_receipt_and_a_run(project):
    small_split(project)
    receipt = runner.run("split", project)
    stored = read_receipt(project / layout.RECEIPTS / "split.json")
    assert stored == receipt
    assert receipt.read == {"artifacts/clean": digest(project / layout.CLEAN)}
    assert receipt.wrote == {"artifacts/split": digest(project / layout.SPLIT)}
    assert receipt.seconds > 0
    assert receipt.peak_mb > 10
    assert (
        location.connect(location.tracking_uri(project)).get_run(find(receipt.execution, project)).info.status
        == "FINISHED"
    )


def test_under_a_flow_the_flow_tells_mlflow(project, monkeypatch):
    small_split(project)
    monkeypatch.setenv("SHOPLOOP_PARENT_RUN", "abc")
    runner.run("split", project)
    assert not (project / location.DATABASE).exists()


def test_equal_inputs_give_equal_outputs(project, monkeypatch):
    small_split(project)
    monkeypatch.setenv("SHOPLOOP_PARENT_RUN", "abc")
    first = runner.run("split", project)
    second = runner.run("split", project)
    assert first.wrote == second.wrote
    assert first.execution != second.execution


def test_the_committed_parameters_are_valid(params):
    assert f"{TRAIN_PREFIX}popularity" in runner.check_params(params)


@pytest.mark.parametrize(
    ("section", "values", "words"),
    [
        ("split", {"tset_share": 0.1}, "did you mean 'test_share'"),
        ("split", {"test_share": 2}, "params.yaml: split: 'test_share'"),
        ("splitt", {}, "unknown section 'splitt'; did you mean 'split'"),
        ("models", {"mine": {"component": "popularty"}}, "unknown model 'popularty'"),
        ("models", {"mine": {}}, "models.mine: expected"),
    ],
)
def test_wrong_parameters_are_refused_with_a_hint(project, section, values, words):
    change(project, section, **values)
    with pytest.raises(ConfigError, match=words):
        runner.check_params(read_params(project / PARAMS_FILE))


def test_a_missing_section_is_named(params):
    del params["gate"]
    with pytest.raises(ConfigError, match="section 'gate' is missing"):
        runner.check_params(params)


@pytest.mark.parametrize("seed", [-1, 2**32, "7", True, None])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(ConfigError, match="seed: expected an integer"):
        runner.read_seed({"seed": seed})


def test_a_missing_input_names_the_command_that_makes_it(project):
    with pytest.raises(DataError, match="artifacts/clean is missing; `dvc repro split` makes it first"):
        runner.run("split", project)


def test_a_full_disk_is_told_in_plain_words(tmp_path):
    with pytest.raises(ShoploopError, match="clean: the disk is full"), runner.plain_disk_full("clean", tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_every_train_step_depends_on_the_split_only(params):
    steps = table(params).values()
    assert {step.reads for step in steps if step.name.startswith(TRAIN_PREFIX)} == {(layout.SPLIT,)}


def test_the_command_line_prints_words_and_leaves_with_2(project, monkeypatch):
    monkeypatch.chdir(project)
    result = CliRunner().invoke(main, ["run", "clena"])
    assert result.exit_code == 2
    assert "shoploop: unknown step 'clena'; did you mean 'clean'?" in result.output


def test_a_receipt_is_json_that_a_person_can_read(project, monkeypatch):
    small_split(project)
    monkeypatch.setenv("SHOPLOOP_PARENT_RUN", "abc")
    runner.run("split", project)
    assert json.loads((project / layout.RECEIPTS / "split.json").read_text())["summary"].startswith(
        "temporal: validation from"
    )
