"""promote, rollback and history: what they refuse before anything is asked or made."""

import pytest
from click.testing import CliRunner

from components.__main__ import main
from components.core import layout
from components.core.config import PARAMS_FILE

WHY = ("--reason", "better")


@pytest.mark.parametrize(
    "asked", [("history",), ("history", "--verify"), ("promote", "1", *WHY), ("rollback", *WHY), ("release",)]
)
def test_in_a_folder_that_is_no_project_nothing_is_made_and_the_folder_is_named(tmp_path, monkeypatch, asked):
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(main, asked)
    assert (said.exit_code, list(tmp_path.iterdir())) == (2, [])
    assert f"{tmp_path}: this is no project's folder (no {PARAMS_FILE}, no mlflow.db, no {layout.PROMOTIONS})" in (
        said.output
    )


@pytest.mark.parametrize("alias", ["challenger", "canary", "shadow"])
def test_expect_is_about_the_champion_only(tmp_path, monkeypatch, alias):
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(main, ["promote", "1", *WHY, "--as", alias, "--expect", "3"])
    assert said.exit_code == 2
    assert f"--expect is about the champion that is replaced; --as {alias} replaces none." in said.output
    assert list(tmp_path.iterdir()) == []
