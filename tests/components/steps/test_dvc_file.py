"""dvc.yaml and the table of steps say the same."""

from pathlib import Path

import pytest
import yaml

from components.core.config import read_params
from components.core.errors import ConfigError
from components.core.registry import MODELS
from components.core.source_files import files_of
from components.steps import dvc_file
from components.steps.table import table

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def stages():
    return yaml.safe_load(dvc_file.render(ROOT))["stages"]


def test_the_committed_file_is_what_the_table_gives():
    dvc_file.check(ROOT)


def test_another_file_is_refused(tmp_path):
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    with pytest.raises(ConfigError, match="dvc-yaml --write"):
        dvc_file.check(tmp_path)


def test_every_step_reads_what_an_earlier_step_writes_or_the_project_holds():
    made = {Path("expectations"), Path("expectations/features"), Path("privacy.json")}
    for step in table(read_params(ROOT / "params.yaml")).values():
        assert all(made & {path, *path.parents} for path in step.reads), step.name
        made |= set(step.writes)


def test_no_stage_depends_on_a_receipt(stages):
    assert not [d for stage in stages.values() for d in stage["deps"] if d.startswith("artifacts/receipts")]


def test_a_model_stage_depends_on_its_own_file_and_on_no_other_model(stages):
    models = {MODELS.file(name) for name in MODELS.names()}
    assert models & set(stages["train-ease"]["deps"]) == {"components/cf/ease.py"}


def test_code_is_followed_through_imports_inside_functions():
    files = files_of("components.core.model")
    assert "components/core/registry.py" in files  # imported inside `load`
    assert "components/core/vocabulary.py" in files  # imported by what it imports


def test_only_a_model_that_uses_content_waits_for_the_features():
    steps = table({"models": {"ease": {"component": "ease"}, "towers": {"component": "two_tower"}}})
    assert Path("artifacts/features") in steps["train-towers"].reads
    assert Path("artifacts/features") not in steps["train-ease"].reads


def test_a_model_that_starts_from_another_is_trained_after_it_and_anew_where_that_one_changes():
    towers = {"component": "two_tower"}
    begun = towers | {"params": {"start_from": "artifacts/models/whole"}}
    steps = table({"models": {"whole": towers, "part": begun}})
    assert Path("artifacts/models/whole") in steps["train-part"].reads
    assert Path("artifacts/models/whole") not in steps["train-whole"].reads
    with pytest.raises(
        ConfigError, match=r"models\.part\.params\.start_from: .* is made by models\.whole, which has to st"
    ):
        table({"models": {"part": begun, "whole": towers}})
    elsewhere = {"component": "two_tower", "params": {"start_from": "../other/artifacts/models/whole"}}
    assert steps["train-whole"].reads == table({"models": {"whole": towers, "part": elsewhere}})["train-part"].reads


def test_what_can_be_fitted_on_spark_depends_on_the_engine_and_nothing_else_does():
    steps = table(read_params(ROOT / "params.yaml"))
    fitted = {name: step.shared for name, step in steps.items() if name.startswith("train-") or name == "rank"}
    assert {name for name, shared in fitted.items() if "engine" in shared} == {"train-als", "rank"}
