"""The benchmark on sequences so plain that the best list is known: everybody walks along the catalogue."""

import hashlib
import json
import math
import shlex
import shutil
from html import escape

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from components.__main__ import main

ITEMS, USERS, STEPS = 30, 40, 6


def walk(folder):
    """User u saw items u, u + 1, … of a round catalogue; one line holds no item."""
    folder.mkdir(parents=True)
    lines = [" ".join([f"u{u:02}", *(f"i{(u + step) % ITEMS:02}" for step in range(STEPS))]) for u in range(USERS)]
    (folder / "sequences.txt").write_text("\n".join([*lines, "lonely"]) + "\n", encoding="utf-8")
    return folder


def benchmark(*arguments):
    return CliRunner().invoke(main, ["benchmark", *map(str, arguments)])


def called(data, out, *more, models="popularity,item_transition"):
    arguments = ["--data", data, "--protocol", "leave-last-out", "--out", out, "--models", models]
    return benchmark(*arguments, *more)


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """A finished benchmark: data, its folder, what was printed."""
    root = tmp_path_factory.mktemp("benchmark")
    data = walk(root / "shop")
    params = root / "more.yaml"
    params.write_text("models:\n  broken: {component: ease, params: {memory_limit_gb: 0.0000001}}\n", encoding="utf-8")
    result = called(data, root / "out", "--params", params, models="popularity,item_transition,broken,household")
    assert result.exit_code == 0, result.output
    return data, root / "out", result.output


def report_of(out):
    return json.loads((out / "report.json").read_text(encoding="utf-8"))


def ndcg_from(lists, relevant, k=10):
    """NDCG@10 of one item held out for each user, from the two files alone, with nothing of ours."""
    held_out = {row["user_id"]: row["item_id"] for row in pq.read_table(relevant).to_pylist()}
    gains = dict.fromkeys(held_out, 0.0)
    for row in pq.read_table(lists).to_pylist():
        if row["rank"] <= k and held_out[row["user_id"]] == row["item_id"]:
            gains[row["user_id"]] = 1 / math.log2(row["rank"] + 1)
    return sum(gains.values()) / len(gains)


def test_anyone_can_recompute_ndcg_from_the_lists(walked):
    _, out, _ = walked
    figures = report_of(out)["views"]["new"]["figures"]
    for name in ("popularity", "item_transition"):
        again = ndcg_from(out / "lists" / f"{name}.parquet", out / "relevant.parquet")
        assert again == pytest.approx(figures[name]["ndcg_at_10"]["mean"], abs=1e-9)
    assert figures["item_transition"]["hit_rate_at_10"]["mean"] == 1, "everybody takes the next step"


def test_lists_hold_nothing_of_a_history_and_are_ranked_by_score(walked):
    data, out, _ = walked
    lines = [line.split() for line in (data / "sequences.txt").read_text(encoding="utf-8").splitlines()]
    history = {user: set(items[:-1]) for user, *items in lines}
    last = {}
    for row in pq.read_table(out / "lists" / "item_transition.parquet").to_pylist():
        assert row["item_id"] not in history[row["user_id"]]
        rank, score = last.get(row["user_id"], (0, math.inf))
        assert row["rank"] == rank + 1 and row["score"] <= score
        last[row["user_id"]] = (row["rank"], row["score"])
    assert len(last) == USERS


def test_who_fails_or_cannot_is_told_in_words_and_ends_nothing(walked):
    _, out, printed = walked
    report = report_of(out)
    (failed,) = report["failed"]
    assert failed["name"] == "broken" and "memory_limit_gb" in failed["reason"]
    assert "masked" in report["left_out"]["household"]
    assert set(report["entries"]) == {"popularity", "item_transition"}
    assert "not in the table: broken (seed 7)" in printed


def test_how_long_it_takes_at_most_is_told_before_it_begins(walked):
    assert "3 runs ahead, one after the other; each is ended after 30 minutes" in walked[2]


def test_lines_that_are_no_sequences_are_counted(walked):
    _, out, printed = walked
    assert report_of(out)["data"]["rejected"] == 1
    assert "1 lines could not be read" in printed


def test_the_reports_say_what_leaks_and_open_offline(walked):
    _, out, _ = walked
    html, text = ((out / f"report.{kind}").read_text(encoding="utf-8") for kind in ("html", "md"))
    assert "What leaks: the future of other users" in text and "What leaks: the future of other users" in html
    assert "://" not in html and html.count("data:image/svg+xml") == 2


def test_the_command_in_the_reports_names_options_and_seeds_and_is_accepted(walked, tmp_path):
    data, _, _ = walked
    params = tmp_path / "my options.yaml"
    lines = "{popularity: {component: popularity}, mine: {component: item_transition, params: {history_decay: 0.5}}}"
    params.write_text(f"models: {lines}\n", encoding="utf-8")
    asked = ("--params", params, "--first-seed", 3, "--k", 5, "--minutes-per-model", 12.5)
    result = called(data, tmp_path / "out", *asked, models="popularity,mine")
    assert result.exit_code == 0, result.output
    report = report_of(tmp_path / "out")
    assert report["params"]["sha256"] == hashlib.sha256(params.read_bytes()).hexdigest()
    assert report["params"]["lines"]["mine"]["params"] == {"history_decay": 0.5}
    html, text = ((tmp_path / f"out/report.{kind}").read_text(encoding="utf-8") for kind in ("html", "md"))
    command = text.split("`")[1]
    assert "--params 'my options.yaml' --k 5 --first-seed 3 --minutes-per-model 12.5" in command
    assert escape(command) in html
    told = f"Lines of my options.yaml (sha256 {report['params']['sha256']}): popularity (in the place of presets); mine"
    assert told in text and told in html
    places = {"<folder with sequences.txt>": data, "<folder>": tmp_path / "again", "'my options.yaml'": params}
    for place, path in places.items():
        command = command.replace(place, shlex.quote(str(path)))
    again = CliRunner().invoke(main, shlex.split(command)[1:])
    assert again.exit_code == 0, again.output
    assert report_of(tmp_path / "again")["views"] == report["views"]


def test_the_command_names_whom_it_was_asked_for_and_not_only_who_finished(walked):
    from components.benchmark import text

    report = report_of(walked[1])
    assert "--models popularity,item_transition,broken,household --out" in text.command(report)
    report["asked"]["models"] = "all"
    assert "--models all --out" in text.command(report)
    del report["asked"]["models"]
    assert "--models item_transition,popularity --out" in text.command(report), "older reports do not know"


def test_a_second_run_resumes_and_says_the_same(walked):
    data, out, _ = walked
    before = report_of(out)
    again = called(data, out, models="popularity,item_transition")
    assert again.exit_code == 0 and again.output.count("(done before)") == 2
    assert report_of(out)["views"]["new"]["figures"]["popularity"] == before["views"]["new"]["figures"]["popularity"]


def test_lists_of_another_system_stand_in_the_same_table(walked, tmp_path):
    data, out, _ = walked
    rows = pq.read_table(out / "lists" / "item_transition.parquet").to_pylist()
    rows += [{"user_id": "stranger", "item_id": "i01", "rank": 1, "score": 1.0}]
    foreign = tmp_path / "theirs.parquet"
    pq.write_table(pa.Table.from_pylist(rows).drop_columns("rank"), foreign)
    shutil.copytree(out, tmp_path / "out")
    result = called(data, tmp_path / "out", "--lists", f"{foreign}=theirs", models="item_transition")
    assert result.exit_code == 0, result.output
    report = report_of(tmp_path / "out")
    figures = report["views"]["new"]["figures"]
    assert figures["theirs"]["ndcg_at_10"]["mean"] == figures["item_transition"]["ndcg_at_10"]["mean"]
    digest, *remarks = report["entries"]["theirs"]["remarks"]
    sha = hashlib.sha256((tmp_path / "theirs.parquet").read_bytes()).hexdigest()
    assert digest == f"the lists of theirs.parquet (sha256 {sha})" and remarks == ["1 users of the file are not asked"]


def test_among_new_items_lists_of_another_system_move_up_to_the_places_of_known_ones(walked, tmp_path):
    data, out, _ = walked
    theirs = tmp_path / "theirs.parquet"
    next_step = {row["user_id"]: row["item_id"] for row in pq.read_table(out / "relevant.parquet").to_pylist()}
    lines = [line.split() for line in (data / "sequences.txt").read_text(encoding="utf-8").splitlines()]
    had = {user: items[0] for user, *items in lines if items}
    rows = [(user, item, rank) for user in had for rank, item in ((1, had[user]), (2, next_step[user]))]
    columns = dict(zip(("user_id", "item_id", "rank"), zip(*rows, strict=True), strict=True))
    pq.write_table(pa.table({name: list(values) for name, values in columns.items()}), theirs)
    result = called(data, tmp_path / "out", "--repeats", "--lists", f"{theirs}=theirs", models="popularity")
    assert result.exit_code == 0, result.output
    report = report_of(tmp_path / "out")
    assert report["views"]["new"]["figures"]["theirs"]["ndcg_at_10"]["mean"] == 1, "the known item took no place"
    if "all" in report["views"]:
        assert report["views"]["all"]["figures"]["theirs"]["ndcg_at_10"]["mean"] < 1
    assert f"{USERS} places hold items of the user's own history" in " ".join(report["entries"]["theirs"]["remarks"])


def test_somebody_elses_lists_among_ours_are_refused_and_stay(walked, tmp_path):
    out = shutil.copytree(walked[1], tmp_path / "out")
    theirs = shutil.copyfile(out / "lists/popularity.parquet", out / "lists/theirs.parquet")
    for _ in range(2):
        result = called(walked[0], out, "--lists", f"{theirs}=theirs", models="popularity")
        words = " ".join(result.output.split())
        assert result.exit_code == 2 and "holds lists/theirs.parquet, which would be lost" in words
        assert theirs.is_file()


def test_a_run_that_ended_before_its_report_goes_on(walked, tmp_path):
    out = shutil.copytree(walked[1], tmp_path / "out")
    (out / "report.json").unlink()
    result = called(walked[0], out)
    assert result.exit_code == 0 and "done before" in result.output, result.output


def test_two_lists_of_one_name_are_refused(walked, tmp_path):
    twice = [f"--lists={file}=theirs" for file in sorted((walked[1] / "lists").glob("*.parquet"))[:2]]
    result = called(walked[0], tmp_path / "out", *twice)
    assert result.exit_code == 2 and "with a name that no model and no other has" in " ".join(result.output.split())


def test_lists_that_name_nobody_who_is_asked_are_told_not_a_crash(walked, tmp_path):
    data, out, _ = walked
    foreign = tmp_path / "theirs.parquet"
    pq.write_table(pa.table({"user_id": ["stranger"], "item_id": ["i01"], "rank": [1]}), foreign)
    shutil.copytree(out, tmp_path / "out")
    result = called(data, tmp_path / "out", "--lists", f"{foreign}=theirs", models="popularity")
    assert result.exit_code == 0, result.output
    assert f"{USERS} users who are asked have no list" in report_of(tmp_path / "out")["entries"]["theirs"]["remarks"]


def test_bad_lists_of_another_system_are_refused_before_anything_is_fitted(walked, tmp_path):
    foreign = tmp_path / "theirs.parquet"
    pq.write_table(pa.table({"user_id": ["u00"], "item_id": ["i01"]}), foreign)
    result = called(walked[0], tmp_path / "out", "--lists", f"{foreign}=theirs", models="popularity")
    assert result.exit_code == 2 and "column rank or score is missing" in result.output
    assert "runs ahead" not in result.output and "fit" not in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--protocol", "leave-last-two"), "unknown protocol 'leave-last-two'"),
        (("--protocol", "temporal"), "hold only the order of each user's events"),
        (("--models", "eease"), "--models: unknown model 'eease'; did you mean 'ease'?"),
        (("--models", " , "), "--models: none named; known: popularity, "),
        (("--models", "household"), "nobody is left to ask: household: it only knows what a user had before"),
        (("--lists", "nowhere.parquet=them"), "no such file"),
        (("--lists", "nowhere.parquet"), "give FILE.parquet=NAME"),
        (("--minutes-per-model", "0"), "'--minutes-per-model': 0.0 is not in the range"),
        (("--minutes-per-model", "20000"), "'--minutes-per-model': 20000.0 is not in the range"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(walked, tmp_path, arguments, words):
    result = called(walked[0], tmp_path / "out", *arguments)
    assert result.exit_code == 2 and words in result.output
    assert not (tmp_path / "out" / "report.json").exists()


def test_a_reason_that_is_a_sentence_ends_with_one_full_stop(walked, tmp_path):
    params = tmp_path / "none.yaml"
    params.write_text("models:\n  broken: {component: ease, params: {memory_limit_gb: 0.0000001}}\n", encoding="utf-8")
    result = called(walked[0], tmp_path / "out", "--params", params, models="broken")
    assert result.exit_code == 2 and "nobody gave lists: broken: ease: " in result.output
    assert result.output.strip().endswith("raise memory_limit_gb.")


@pytest.mark.parametrize("command", ["benchmark", "tune"])
def test_a_limit_of_memory_that_is_no_number_is_refused_before_anything_is_read(walked, tmp_path, command):
    arguments = [command, "--data", walked[0], "--protocol", "leave-last-out", "--out", tmp_path / "out"]
    result = CliRunner().invoke(main, list(map(str, arguments)), env={"SHOPLOOP_MEMORY_GB": "abc"})
    assert result.exit_code == 2 and "SHOPLOOP_MEMORY_GB: 'abc' is no number of GB" in result.output
    assert not (tmp_path / "out").exists()


def test_one_of_the_canonical_tables_is_refused_with_the_folder_to_give(tmp_path):
    (tmp_path / "interactions.parquet").write_bytes(b"PAR1")
    result = called(tmp_path / "interactions.parquet", tmp_path / "out")
    assert result.exit_code == 2 and f"are read as a folder; give {tmp_path}," in " ".join(result.output.split())


def test_a_folder_without_data_says_what_would_do(tmp_path):
    (tmp_path / "empty").mkdir()
    result = called(tmp_path / "empty", tmp_path / "out")
    assert result.exit_code == 2 and "no data to benchmark on" in result.output


@pytest.mark.slow
def test_a_model_that_takes_too_long_is_ended_and_said_so(walked, tmp_path):
    result = called(walked[0], tmp_path / "out", "--minutes-per-model", "0.001")
    assert (
        result.exit_code == 2
        and "popularity: ended after 0.001 minutes; give more --minutes-per-model" in result.output
    )


@pytest.mark.slow
def test_several_seeds_give_a_spread_and_a_list_each(walked, tmp_path):
    result = called(walked[0], tmp_path / "out", "--seeds", 2, models="als,popularity")
    assert result.exit_code == 0, result.output
    assert sorted(f.name for f in (tmp_path / "out" / "lists").glob("als*")) == [
        "als.seed_7.parquet",
        "als.seed_8.parquet",
    ]
    per_seed = report_of(tmp_path / "out")["views"]["new"]["seeds"]["als"]
    mean = report_of(tmp_path / "out")["views"]["new"]["figures"]["als"]["ndcg_at_10"]["mean"]
    assert len(per_seed) == 2 and mean == pytest.approx(np.mean(per_seed))


@pytest.mark.slow
def test_presets_know_every_registered_model_and_every_line_is_accepted():
    from components.benchmark.roster import presets
    from components.core.registry import MODELS

    for timed in (True, False):
        lines = presets(timed=timed)
        assert {spec.component for spec in lines.values() if spec.is_model} == set(MODELS.names())
        for spec in lines.values():
            if spec.is_model:
                config = spec.model().config.model_dump()
                days = {option: value for option, value in config.items() if option.endswith("_days")}
                assert timed or not any(days.values()), f"{spec.name}: days mean nothing there: {days}"
