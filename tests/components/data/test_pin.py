"""The pin: other bytes stop the run and are named; DVC itself agrees with our digest."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from components.core.errors import DataError
from components.data.pin import check_pin, folder_digest, read_pin, write_pin

DVC = [sys.executable, "-m", "dvc"]


@pytest.fixture
def project(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.parquet").write_text("a\n")
    (tmp_path / "data" / "b.parquet").write_text("b\n")
    write_pin(tmp_path / "data", tmp_path / "data.dvc")
    return tmp_path


def test_the_digest_of_a_folder_is_the_one_dvc_computes():
    files = {"a.parquet": "60b725f10c9c85c70d97880dfe8191b3", "b.parquet": "3b5d5c3712955042212316173ccf37be"}
    assert folder_digest(files) == "a26d95d9cdcd948f6e231bf67449c7e9.dir"  # written by dvc 3.67


def test_the_pinned_bytes_are_accepted(project):
    assert check_pin(project) == read_pin(project / "data.dvc")[0]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda data: (data / "a.parquet").write_text("x"), "altered: a.parquet"),
        (lambda data: (data / "b.parquet").unlink(), "missing: b.parquet"),
        (lambda data: (data / "c.parquet").write_text("c"), "not expected: c.parquet"),
    ],
)
def test_other_bytes_are_refused_and_named(project, fault, words):
    fault(project / "data")
    with pytest.raises(DataError, match=words):
        check_pin(project)


def test_the_message_says_what_to_do(project):
    (project / "data" / "a.parquet").write_text("x")
    steps = r"keep a copy of data/.*dvc checkout data\.dvc.*exactly these files.*ingest step.*-m components\.data\.pin"
    with pytest.raises(DataError, match=steps) as told:
        check_pin(project)
    # After `snapshot add` the source lacks files; after `forget` git's older pin has the person's rows.
    assert "with git" not in str(told.value)
    assert "remove data/" not in str(told.value)


@pytest.mark.parametrize("text", ["", "outs: []", "outs: [{path: data}]", "a: [", "outs: [{md5: x}]\nmeta: {files: 3}"])
def test_a_broken_pin_is_refused(project, text):
    (project / "data.dvc").write_text(text)
    with pytest.raises(DataError, match="does not pin one folder"):
        check_pin(project)


def test_the_committed_pin_is_in_order():
    recorded, files = read_pin(Path(__file__).parents[3] / "data.dvc")
    assert recorded == folder_digest(files)
    assert len(files) == 8


@pytest.mark.slow
def test_a_plain_dvc_repro_cannot_make_changed_bytes_the_pinned_ones(project):
    git = shutil.which("git")
    env = os.environ | {"DVC_NO_ANALYTICS": "1"}
    stage = "stages: {x: {cmd: ls data > o, deps: [data], outs: [o]}}"
    (project / "dvc.yaml").write_text(stage)
    for command in ([git, "init", "-q"], [*DVC, "init", "-q"], [*DVC, "repro", "-q"]):
        subprocess.run(command, cwd=project, env=env, check=True, capture_output=True)
    assert subprocess.run([*DVC, "status", "-q"], cwd=project, env=env, check=False).returncode == 0
    check_pin(project)  # DVC wrote the same digest as we did
    (project / "data" / "a.parquet").write_text("x")
    assert subprocess.run([*DVC, "status", "-q"], cwd=project, env=env, check=False).returncode != 0
    subprocess.run([*DVC, "repro", "-q"], cwd=project, env=env, check=True, capture_output=True)
    with pytest.raises(DataError, match=r"altered: a\.parquet"):
        check_pin(project)
