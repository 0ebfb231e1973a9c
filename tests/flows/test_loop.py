"""The main job on a slice of the real data, through the real Prefect, DVC, MLflow and BentoML: one run, many claims."""

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
import yaml

from components.core import layout
from components.core.ports import probe
from components.promotion.history import History
from components.steps.table import table
from components.tracking import location
from components.tracking.registry import CHALLENGER, CHAMPION, ModelRegistry
from components.tracking.runs import PARENT_TAG
from tests.flows.project import call, commit_all, copy_checkout, edit, end_group, git, settings

pytestmark = pytest.mark.slow

KILLED_IN = "train-gru4rec"  # long enough to be caught in the middle
NOISE = re.compile(r"nanobind|leaked|absl::|oneDNN|alembic|mlflow.store|git add|Updating lock")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the checkout with its own repository, every tenth user and short training."""
    folder = tmp_path_factory.mktemp("slice")
    copy_checkout(folder)
    edit(folder, shorten)
    commit_all(folder)
    return folder


@pytest.fixture(scope="module")
def said(project):
    """What the main job printed, started again after it was killed in the middle."""
    first = subprocess.Popen(
        [sys.executable, "-m", "flows", "run"],
        cwd=project, env=settings(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        assert any(f"Running stage '{KILLED_IN}'" in line for line in iter(first.stdout.readline, ""))
        first.kill()
        yield call(project, "flows", "run")
    finally:
        end_group(first)


def shorten(params):
    params["clean"]["cleaners"]["sample"]["keep_one_user_in"] = 10
    for name in ("gru4rec", "sasrec"):
        params["models"][name]["params"] = {"epochs": 1}
    # So few users show no small gain outside the interval; the plumbing is what is tested here.
    params["rank"]["lambdamart"]["trees"] = 60
    params["gate"] |= {"beat": {"all": ["popularity"]}, "min_coverage": 0.0}
    params["stress"] = {"perturbations": {"event_noise": {"max_relative_loss": 1.0}}}


def stages_that_ran(output):
    return {line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")}


def closing_rows(said):
    """What was done by step, from the first two cells of the closing table's rows."""
    table_text = said[said.index("The loop, step by step") : said.index("Test window, all items")]
    cells = [line.split("│")[1:3] for line in table_text.splitlines() if line.startswith("│")]
    return {name.strip(): what.strip() for name, what in cells if name.strip()}


def test_it_ends_with_an_answer_and_a_closing_table(said, project):
    assert "Next basket, by release version 1" in said
    assert "items new to the user, full catalogue" in said
    done = closing_rows(said)
    steps = list(table(yaml.safe_load((project / "params.yaml").read_text())))
    assert [name for name in done if name in steps] == steps
    assert done["clean"] == "up to date"  # the killed run had finished it
    assert done[KILLED_IN] == done["register"] == "ran"
    assert list(done)[-2:] == ["sum", "wall time"]


def test_it_ends_with_where_to_look(said, project):
    rows = [line for line in said[said.index("Where to look") :].splitlines() if "artifacts/" in line]
    assert len(rows) == 7
    for row in rows:
        assert (project / row.strip("│ ").split("│")[-1].strip()).is_file()


def test_a_person_is_spared_the_noise(said):
    assert not [line for line in said.splitlines() if NOISE.search(line)]


def test_one_release_is_champion_and_challenger(said, project):
    registry = ModelRegistry(root=project)
    assert [v.version for v in registry.versions()] == ["1"]
    assert registry.aliases() == {CHAMPION: "1", CHALLENGER: "1"}
    assert [entry.by for entry in History(project).entries()] == ["gate"]


def test_every_step_is_a_run_nested_under_the_flows_run(said, project):
    client = location.connect(location.tracking_uri(project))
    experiment = client.get_experiment_by_name(location.EXPERIMENT).experiment_id
    found = client.search_runs([experiment])
    runs = {run.info.run_name: run for run in found}
    flows = {run.info.run_id for run in found if run.info.run_name == "train"}
    assert len(flows) == 2  # the killed one and the one that ended
    for step in table(yaml.safe_load((project / "params.yaml").read_text())).values():
        assert runs[step.name].data.tags[PARENT_TAG] in flows
        assert runs[step.name].data.tags["data_digest"].endswith(".dir")
        assert (project / step.receipt).is_file()


def test_a_second_repro_does_nothing(said, project):
    output = call(project, "dvc", "repro")
    assert "Data and pipelines are up to date." in output
    assert stages_that_ran(output) == set()


def test_the_run_changes_no_committed_file_but_the_lock(said, project):
    assert {line[3:] for line in git(project, "status", "--porcelain").splitlines()} <= {"dvc.lock"}


def test_a_changed_parameter_runs_only_what_hangs_on_it_and_registers_nothing_twice(said, project):
    edit(project, lambda params: params["gate"].update(max_loss=0.5))
    assert stages_that_ran(call(project, "dvc", "repro")) <= {"gate", "register"}
    decision = json.loads((project / layout.DECISION / "decision.json").read_text())
    assert decision["champion"] == "1"
    assert len(ModelRegistry(root=project).versions()) == 1


def test_up_serves_the_champion_runs_the_deployment_and_ends_with_one_ctrl_c(said, project):
    ports = {name: str(probe()) for name in ("MLFLOW", "PREFECT", "SERVICE")}
    variables = {f"SHOPLOOP_{name}_PORT": port for name, port in ports.items()}
    up = subprocess.Popen(
        [sys.executable, "-m", "flows", "up"],
        cwd=project,
        env=settings() | variables,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        lines = iter(up.stdout.readline, "")
        assert any("Ctrl-C stops all" in line for line in lines)
        with urllib.request.urlopen(f"http://127.0.0.1:{ports['SERVICE']}/release", timeout=30) as answer:
            assert json.load(answer)["version"] == "1"
        call(project, "prefect", "deployment", "run", "train/default", "--watch", "--watch-timeout", "300")
        assert len(ModelRegistry(root=project).versions()) == 1
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(60)
    assert up.returncode == 0
    assert not [port for port in ports.values() if listens(int(port))]


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0
