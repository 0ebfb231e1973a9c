"""What `make clean` takes away can be made again; what cannot goes with `make wipe` only, which asks."""

import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[2] / "Makefile"
MADE_AGAIN = (
    "artifacts/release/release.json", "artifacts/.hidden", "build/lib/x", ".dvc/cache/files/x", ".dvc/tmp/lock",
    "state/releases/abc/release.json", "state/bentoml/x",
)  # fmt: skip
ONLY_ONCE = (
    "state/keys.json", "state/pseudonym.key", "state/pseudonym.0123.key", "state/promotions.db", "state/service.db",
    "state/forgetting.json", "artifacts/readmissions.json", "artifacts/snapshots/x.json", "mlflow.db",
    "mlartifacts/1/x", ".prefect/prefect.db",
)  # fmt: skip
NOT_OURS = ("data/transactions.parquet", "params.yaml", ".dvc/config")


@pytest.fixture
def project(tmp_path):
    for name in (*MADE_AGAIN, *ONLY_ONCE, *NOT_OURS):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    shutil.copy(MAKEFILE, tmp_path)
    return tmp_path


def make(project, target, said=""):
    done = subprocess.run(["make", target], cwd=project, input=said, capture_output=True, text=True, check=False)
    found = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()} - {"Makefile"}
    return done, found


def test_clean_keeps_what_no_run_can_make_again(project):
    assert make(project, "clean")[1] == {*ONLY_ONCE, *NOT_OURS}
    done, found = make(project, "clean")  # nothing is there any more
    assert (done.returncode, found) == (0, {*ONLY_ONCE, *NOT_OURS})


@pytest.mark.parametrize("said", ["", "\n", "yes\n", "clean\n"])
def test_wipe_asks_and_removes_nothing_on_another_word(project, said):
    done, found = make(project, "wipe", said)
    assert done.returncode != 0
    assert "state/pseudonym.key" in done.stdout
    assert found == {*MADE_AGAIN, *ONLY_ONCE, *NOT_OURS}


def test_wipe_removes_all_that_is_not_the_shop_s_own(project):
    done, found = make(project, "wipe", "wipe\n")
    assert (done.returncode, found) == (0, set(NOT_OURS))
