"""The search: the same budget for all, the validation fold only, nothing lost, hopeless fits ended early."""

import json

import pytest
import yaml
from click.testing import CliRunner

from components.__main__ import main
from components.core.bundle import write_json

STEPS, ITEMS, USERS = 6, 30, 40


@pytest.mark.slow
def test_a_search_gives_back_lines_for_the_benchmark_resumes_and_is_told_to_mlflow(tmp_path, monkeypatch):
    from components.tracking import location

    monkeypatch.chdir(tmp_path)
    lines = [" ".join([f"u{u}", *(f"i{(u + step) % ITEMS}" for step in range(STEPS))]) for u in range(USERS)]
    (tmp_path / "sequences.txt").write_text("\n".join(lines), encoding="utf-8")
    arguments = ["tune", "--data", "sequences.txt", "--protocol", "leave-last-out", "--out", "found"]
    arguments += ["--models", "item_transition,popularity,household"]
    first = CliRunner().invoke(main, [*arguments, "--trials", "2"])
    assert first.exit_code == 0, first.output
    found = json.loads((tmp_path / "found/tune.json").read_text(encoding="utf-8"))["models"]
    assert [len(found[name]["trials"]) for name in ("item_transition", "popularity")] == [3, 1], "nothing to vary"
    assert "household" not in found and "household" in first.output
    best = yaml.safe_load((tmp_path / "found/params.yaml").read_text(encoding="utf-8"))["models"]["item_transition"]
    assert best["params"] == found["item_transition"]["best"]["params"]
    values = [trial["figures"]["ndcg"] for trial in found["item_transition"]["trials"]]
    assert found["item_transition"]["best"]["figures"]["ndcg"] == max(values)
    again = CliRunner().invoke(main, [*arguments, "--trials", "3"])
    resumed = json.loads((tmp_path / "found/tune.json").read_text(encoding="utf-8"))["models"]["item_transition"]
    assert again.exit_code == 0 and len(resumed["trials"]) == 4
    assert [t["params"] for t in resumed["trials"][:3]] == [t["params"] for t in found["item_transition"]["trials"]]
    client = location.connect(location.tracking_uri(tmp_path))
    runs = client.search_runs([client.get_experiment_by_name(location.EXPERIMENT).experiment_id])
    parents = {run.info.run_id for run in runs if run.info.run_name == "tune item_transition"}
    trials = [run for run in runs if run.info.run_name.startswith("item_transition trial")]
    assert len(trials) == 4, "a trial is recorded once, whoever resumes"
    assert {run.data.tags["mlflow.parentRunId"] for run in trials} <= parents


@pytest.mark.slow
def test_a_fit_whose_epochs_fall_behind_is_ended(tmp_path):
    import optuna

    from components.benchmark.tuning import PRUNED, _Watch

    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner(2, 1))
    for gain in (0.4, 0.5, 0.6):
        trial = study.ask()
        for epoch in range(4):
            trial.report(gain, epoch)
        study.tell(trial, gain)
    watch = _Watch(study.ask())
    curves = {"curves": {"train_loss": [9, 8, 7], "validation_loss": [5, 4, 4], "validation_gain": [0.1, 0.2, 0.1]}}
    assert watch(tmp_path) == "", "nothing is known yet"
    write_json(tmp_path / "journal/checkpoint/model.json", curves)
    assert watch(tmp_path) == PRUNED


def test_losses_fall_and_gains_rise():
    from components.benchmark.tuning import _rising

    assert _rising({"validation_loss": [3, 2], "train_loss": [1, 0]}) == [-3, -2]
    assert _rising({"validation_gain": [0.1], "validation_loss": [3]}) == [0.1]
    assert _rising({"train_loss": [1]}) == []
