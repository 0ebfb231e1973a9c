"""The search: the same budget for all, the validation fold only, nothing lost, hopeless fits ended early."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from components.__main__ import main
from components.benchmark.pruning import PRUNED
from components.benchmark.tune import most
from components.benchmark.tuning import TuneConfig
from components.core.bundle import write_json

STEPS, ITEMS, USERS = 6, 30, 40
ROOT = Path(__file__).parents[3]


def test_minutes_of_nothing_are_refused_by_the_name_of_the_option(tmp_path):
    arguments = ["tune", "--data", tmp_path, "--protocol", "leave-last-out", "--out", tmp_path / "out", "--minutes", 0]
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert done.exit_code == 2 and "'--minutes': 0.0 is not in the range" in done.output


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
    assert found["popularity"]["note"] == "nothing to vary: as it stands" and not found["item_transition"]["note"]
    assert "nothing to vary" in first.output
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
    (parent,) = [run for run in runs if run.info.run_name == "tune item_transition"]
    trials = [run for run in runs if run.info.run_name.startswith("item_transition trial")]
    assert len(trials) == 4, "a trial is recorded once, whoever resumes"
    assert {run.data.tags["mlflow.parentRunId"] for run in trials} == {parent.info.run_id}
    assert (parent.data.params["trials"], parent.data.tags["later.trials"]) == ("2", "3")


@pytest.mark.slow
def test_what_joins_models_is_searched_too_with_its_members_as_their_search_left_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [" ".join([f"u{u}", *(f"i{(u + step) % ITEMS}" for step in range(STEPS))]) for u in range(USERS)]
    (tmp_path / "sequences.txt").write_text("\n".join(lines), encoding="utf-8")
    members = ["popularity", "item_transition"]
    joined = {
        "both": {"component": "fusion", "params": {"weights": dict.fromkeys(members, 1.0)}},
        "trees": {
            "component": "ranker",
            "params": {"candidates": members, "lambdamart": {"trees": 60, "patience": None, "threads": 1}},
        },
    }
    (tmp_path / "joined.yaml").write_text(yaml.safe_dump({"models": joined}), encoding="utf-8")
    arguments = ["tune", "--data", "sequences.txt", "--protocol", "leave-last-out", "--out", "found", "--trials", "2"]
    arguments += ["--params", "joined.yaml", "--models", "trees,both,item_transition"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "found/tune.json").read_text(encoding="utf-8"))["models"]
    assert sorted(found, key=lambda name: done.output.index(f"{name}, as it stands")) == [
        "item_transition",
        "trees",
        "both",
    ], "what joins others comes last"
    for name, searched in (("both", "weights"), ("trees", "lambdamart")):
        trials = found[name]["trials"]
        assert all(trial["figures"] for trial in trials), [trial["reason"] for trial in trials]
        assert len({str(trial["params"][searched]) for trial in trials}) == 3
    assert found["trees"]["trials"][1]["params"]["lambdamart"]["patience"] is None, "what is not searched stays"
    best = found["item_transition"]["best"]["params"]
    jobs = [json.loads(path.read_text(encoding="utf-8")) for path in (tmp_path / "found/.work/jobs").iterdir()]
    told = [job["specs"]["item_transition"]["params"] for job in jobs if job["name"] in ("both", "trees")]
    assert told and all(params == best for params in told)


@pytest.mark.slow
def test_a_search_that_was_killed_goes_on_below_its_run_and_leaves_none_running(tmp_path):
    from components.tracking import location, runs

    lines = [" ".join([f"u{u}", *(f"i{(u + step) % ITEMS}" for step in range(STEPS))]) for u in range(USERS)]
    (tmp_path / "sequences.txt").write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-m", "components", "tune", "--data", "sequences.txt", "--out", "found"]
    command += ["--protocol", "leave-last-out", "--models", "item_transition", "--trials", "3"]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as killed:
        for line in killed.stderr:
            if "trial 1:" in line:  # it is over, and told to MLflow only now
                os.killpg(killed.pid, signal.SIGKILL)
                break
    client = location.connect(location.tracking_uri(tmp_path))

    def told(name):
        found = client.search_runs([client.get_experiment_by_name(location.EXPERIMENT).experiment_id])
        return [run for run in found if run.info.run_name.startswith(name)]

    (parent,) = told("tune item_transition")
    assert parent.info.status == "RUNNING", "nobody was left to end it"
    below = {runs.PARENT_TAG: parent.info.run_id}
    client.create_run(parent.info.experiment_id, tags=below, run_name="item_transition trial cut short")
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (after,) = told("tune item_transition")
    assert (after.info.run_id, after.info.status) == (parent.info.run_id, "FINISHED")
    trials = told("item_transition trial")
    assert {run.data.tags[runs.PARENT_TAG] for run in trials} == {parent.info.run_id}
    ended = {run.info.run_name: run.info.status for run in trials if run.info.status != "KILLED"}
    assert ended == {f"item_transition trial {number}": "FINISHED" for number in range(4)}
    assert "item_transition trial cut short" in {r.info.run_name for r in trials if r.info.status == "KILLED"}


@pytest.mark.slow
def test_a_fit_whose_epochs_fall_behind_is_ended(tmp_path):
    import optuna

    from components.benchmark.pruning import Watch

    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner(2, 1))
    for gain in (0.4, 0.5, 0.6):
        trial = study.ask()
        for epoch in range(4):
            trial.report(gain, epoch)
        study.tell(trial, gain)
    watch = Watch(study.ask())
    curves = {"curves": {"train_loss": [9, 8, 7], "validation_loss": [5, 4, 4], "validation_gain": [0.1, 0.2, 0.1]}}
    assert watch(tmp_path) == "", "nothing is known yet"
    write_json(tmp_path / "journal/checkpoint/model.json", curves)
    assert watch(tmp_path) == PRUNED


LONG = "{embedding_size: 8, epochs: 1000000, validation: last_baskets, trend_days: null, patience: 1000000}"


@pytest.mark.slow
def test_a_training_stops_in_time_for_its_lists_and_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [" ".join([f"u{u}", *(f"i{(u + step) % ITEMS}" for step in range(STEPS))]) for u in range(USERS)]
    (tmp_path / "sequences.txt").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "long.yaml").write_text(
        f"models: {{sasrec: {{component: sasrec, params: {LONG}}}, multi_vae: {{component: multi_vae, params: "
        "{validation: last_baskets, epochs: 1000000, patience: 1000000}}}",
        encoding="utf-8",
    )
    usual = ["--data", "sequences.txt", "--protocol", "leave-last-out", "--params", "long.yaml"]
    arguments = [*usual, "--models", "multi_vae", "--out", "compared", "--minutes-per-model", "1.5"]
    done = CliRunner().invoke(main, ["benchmark", *arguments])
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "compared/report.json").read_text(encoding="utf-8"))["entries"]["multi_vae"]
    assert "multi_vae: the end of the run's minutes stopped the training in epoch" in told["remarks"][0]
    assert "give the run more minutes" in told["remarks"][0]
    done = CliRunner().invoke(main, ["tune", *usual, "--models", "sasrec", "--out", "found", "--minutes", "1.5"])
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "found/tune.json").read_text(encoding="utf-8"))["models"]["sasrec"]
    assert "stopped the training" in found["trials"][0]["remarks"][0] and found["best"]["figures"]


def test_what_stopped_for_want_of_minutes_is_fitted_again_only_where_there_are_more(tmp_path):
    from components.benchmark.fits import TOLD, Fits, Hours

    write_json(tmp_path / TOLD, {"minutes": 2.0, "remarks": [], "curves": {}})
    again = [Fits(tmp_path, {}, 7, Hours(0, minutes))._worth_more(tmp_path) for minutes in (1.0, 2.0, 3.0)]
    assert again == [False, False, True] and Fits(tmp_path, {}, 7)._worth_more(tmp_path)


def test_a_training_leaves_time_for_its_lists_within_its_own_minutes_and_those_of_all():
    import time

    from components.benchmark.fits import Hours

    now = time.monotonic()
    left = [
        Hours(now + 60 * of_all, one).ends_by() - now for of_all, one in ((2, 2), (4, 2), (1, 2), (60, 60), (1, 0.1))
    ]
    assert left == pytest.approx([90, 90, 30, 3360, 1], abs=0.5)


def small_fold(folder):
    """The validation fold of walks along the catalogue, with one more before it."""
    from components.benchmark.material import recognise
    from components.benchmark.protocols import prepare, question, splitter

    lines = [" ".join([f"u{u}", *(f"i{(u + step) % ITEMS}" for step in range(STEPS))]) for u in range(USERS)]
    (folder / "sequences.txt").write_text("\n".join(lines), encoding="utf-8")
    material = recognise(folder / "sequences.txt")
    split = splitter("leave-last-out", material, {}, learns_earlier=True)
    return question(prepare(material, split, folder / "folds"), "validation")


def joined_search(folder, minutes):
    """A ranker of two models, its search, and the lines that were told."""
    from components.benchmark.entrant import Spec
    from components.benchmark.tuning import Search

    members = ["popularity", "item_transition"]
    trees = {"candidates": members, "lambdamart": {"trees": 20, "patience": None, "threads": 1}}
    lines = {name: Spec(name, name) for name in members} | {"trees": Spec("trees", "ranker", trees)}
    told, config = [], TuneConfig(minutes=minutes, trials=1)
    return Search(config, lines, small_fold(folder), "new", 10, folder / "work", False, told.append), told


def test_how_long_a_search_may_take_is_told_before_it_begins():
    assert most(1, TuneConfig()).startswith("1 model, each up to 10 minutes or 30 trials: 10 minutes at most, ")
    assert most(32, TuneConfig()).startswith("32 models, each up to 10 minutes or 30 trials: 5.3 hours at most, ")


@pytest.mark.parametrize("command", ["tune", "benchmark"])
def test_a_second_run_in_one_folder_is_refused_while_the_first_is_under_way(tmp_path, command):
    from components.core.folder_lock import alone

    (tmp_path / "sequences.txt").write_text("u a b c\nv b c a\nw a c b\n", encoding="utf-8")
    arguments = [command, "--data", tmp_path, "--protocol", "leave-last-out", "--models", "popularity"]
    with alone(tmp_path / "out/.work"):
        done = CliRunner().invoke(main, list(map(str, [*arguments, "--out", tmp_path / "out"])))
    assert done.exit_code == 2 and "another run is under way in it" in " ".join(done.output.split())


@pytest.mark.slow
def test_the_largest_seed_searches_too_and_a_larger_one_is_refused_in_words(tmp_path):
    from components.benchmark.entrant import Spec
    from components.benchmark.tuning import Search

    spec, config = Spec("item_transition", "item_transition"), TuneConfig(seed=2**32 - 1, trials=2)
    search = Search(config, {spec.name: spec}, small_fold(tmp_path), "new", 10, tmp_path / "work", False, print)
    for trials in (2, 3):  # the second goes on from the first
        again = replace(search, config=TuneConfig(seed=2**32 - 1, trials=trials))
        assert len(again.best(spec, again.study(spec), lambda *_: None)[1]) == trials + 1
    arguments = ["tune", "--data", tmp_path, "--protocol", "leave-last-out", "--out", tmp_path / "out"]
    done = CliRunner().invoke(main, list(map(str, [*arguments, "--seed", 2**32])))
    assert done.exit_code == 2 and "'--seed': 4294967296 is not in the range" in done.output


@pytest.mark.slow
def test_a_search_that_goes_on_keeps_the_fits_that_a_joined_line_had_made_of_its_models(tmp_path):
    search, told = joined_search(tmp_path, minutes=5)
    member, joined = search.lines["item_transition"], search.lines["trees"]
    search.best(member, search.study(member), lambda *_: None)
    assert not search._fit_members(joined)
    search.best(member, search.study(member), lambda *_: None)  # as a search does that was killed in the joined line
    told.clear()
    assert not search._fit_members(joined) and not told


@pytest.mark.slow
def test_members_are_fitted_before_the_minutes_of_what_joins_them_begin_and_only_once(tmp_path):
    from components.benchmark.fits import COST

    search, told = joined_search(tmp_path, minutes=5)
    spec = search.lines["trees"]
    tried = search.best(spec, search.study(spec), lambda *_: None)[1]
    assert told[0] == "trees: fitting its members first, not counted: 4 fits …", "two models on two folds"
    fitted = [path.stat().st_mtime for path in (tmp_path / "work/fits").glob(f"*/{COST}")]
    assert len(fitted) == 4 and max(fitted) < tried[0].started and len(tried) == 2
    assert search.note(spec, tried) == ""
    assert search.note(spec, tried[:1]) == "no trial in 5 minutes: as it stands"
    again, told = joined_search(tmp_path, minutes=5)
    assert not again._fit_members(spec) and not told


def test_a_member_that_cannot_be_fitted_within_the_minutes_is_why_there_is_no_trial(tmp_path):
    search, _ = joined_search(tmp_path, minutes=0.001)
    spec = search.lines["trees"]
    best, tried = search.best(spec, search.study(spec), lambda *_: None)
    why = "its member popularity on the fold validation: ended after 0.001 minutes; give more --minutes"
    assert (best.reason, len(tried)) == (why, 1) and search.note(spec, tried) == f"no trial: {why}"


def test_a_trial_that_is_ended_names_the_option_that_gives_more(tmp_path):
    from components.benchmark.entrant import Spec
    from components.benchmark.tuning import Search

    lines = {"popularity": Spec("popularity", "popularity")}
    search = Search(TuneConfig(), lines, small_fold(tmp_path), "new", 10, tmp_path / "work", False, print)
    tried = search._tried(0, lines["popularity"], {}, 0.001, lambda _: "")
    assert tried.reason == "ended after 0.001 minutes; give more --minutes"


def test_the_time_of_the_line_as_it_stands_counts_when_a_search_goes_on(tmp_path):
    from components.benchmark.entrant import Spec
    from components.benchmark.tuning import SPENT, Search

    spec, config = Spec("item_transition", "item_transition"), TuneConfig(minutes=0.001, trials=1)
    search = Search(config, {spec.name: spec}, small_fold(tmp_path), "new", 10, tmp_path / "work", False, print)
    assert len(search.best(spec, search.study(spec), lambda *_: None)[1]) == 1
    assert search.study(spec).user_attrs[SPENT] >= 0.06, "what it took, though no trial came after it"


def test_the_line_as_it_stands_has_what_is_left_of_the_minutes_when_a_search_goes_on(tmp_path, monkeypatch):
    from components.benchmark.entrant import Spec
    from components.benchmark.tuning import LEAST_MINUTES, SPENT, Search

    spec, config, given = Spec("popularity", "popularity"), TuneConfig(minutes=10, trials=1), []
    search = Search(config, {spec.name: spec}, small_fold(tmp_path), "new", 10, tmp_path / "work", False, print)
    real = Search._tried

    def tried(self, number, spec, params, minutes, watch):
        given.append(minutes)
        return real(self, number, spec, params, 0.0001, watch)

    monkeypatch.setattr(Search, "_tried", tried)
    for spent in (0.0, 450.0, 599.99, 7000.0):
        study = search.study(spec)
        study.set_user_attr(SPENT, spent)
        search.best(spec, study, lambda *_: None)
    assert given == pytest.approx([10, 2.5, LEAST_MINUTES, LEAST_MINUTES])


@pytest.mark.parametrize(
    ("figures", "reason", "status"),
    [({"ndcg": 0.1}, "", "FINISHED"), ({}, "ended after 1 minutes", "FAILED"), ({}, PRUNED, "KILLED")],
)
def test_mlflow_is_told_how_a_trial_ended(figures, reason, status):
    from components.benchmark.entrant import Spec
    from components.benchmark.tune import _record
    from components.benchmark.tuning import Tried

    tried = Tried(1, {}, figures, 0.0, 1.0, reason)
    assert _record(Spec("als", "als"), tried, "x", {}).status == status


@pytest.mark.slow
@pytest.mark.parametrize("killed_in", [0, 1])
def test_what_a_trial_that_is_killed_had_taken_is_written_down(tmp_path, monkeypatch, killed_in):
    from components.benchmark.entrant import Spec
    from components.benchmark.tuning import SPENT, Search

    spec, config = Spec("item_transition", "item_transition"), TuneConfig(minutes=5, trials=2)
    search = Search(config, {spec.name: spec}, small_fold(tmp_path), "new", 10, tmp_path / "work", False, print)
    study, booked = search.study(spec), []
    monkeypatch.setattr("components.benchmark.contest.WATCH_EVERY_S", 0.05)

    def book(name, value):
        booked.append((len(study.trials), value))
        type(study).set_user_attr(study, name, value)
        if len([at for at, _ in booked if at == killed_in]) == 3:
            raise KeyboardInterrupt  # in the midst of the line as it stands, or of the first trial

    monkeypatch.setattr(study, "set_user_attr", book)
    with pytest.raises(KeyboardInterrupt):
        search.best(spec, study, lambda *_: None)
    killed = search.study(spec).user_attrs[SPENT]
    assert killed == booked[-1][1] > max([value for at, value in booked if at < killed_in], default=0)
    first = search.best(spec, search.study(spec), lambda *_: None)[1][0]
    assert search.study(spec).user_attrs[SPENT] >= killed + (first.ended - first.started), "what comes after is added"


@pytest.mark.slow
def test_a_search_of_other_code_begins_anew(tmp_path, monkeypatch):
    from components.benchmark.entrant import Spec
    from components.benchmark.tuning import Search

    spec = Spec("item_transition", "item_transition")
    search = Search(TuneConfig(), {spec.name: spec}, small_fold(tmp_path), "new", 10, tmp_path / "work", False, print)
    before = search.study(spec).study_name
    assert search.study(spec).study_name == before
    monkeypatch.setattr("components.benchmark.tuning.code_of", lambda _: "another")
    assert search.study(spec).study_name != before


def test_an_option_within_another_may_have_a_name_with_dots():
    from components.benchmark.tuning import with_option

    assert with_option({"weights": {"als.v2": 1.0, "ease": 1.0}}, "weights.als.v2", 2.0) == {
        "weights": {"als.v2": 2.0, "ease": 1.0}
    }
    assert with_option({}, "lambdamart.trees", 80) == {"lambdamart": {"trees": 80}}
