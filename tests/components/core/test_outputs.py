"""What lies in a folder that a person names is replaced only where all of it is of the command that replaces it."""

import json

import pytest
from click.testing import CliRunner

from components.__main__ import main
from components.benchmark import run, tune
from components.core.errors import ConfigError
from components.search import evaluate, load

ITEMS = "id,title\n1,red tea\n2,green tea\n3,white cheese\n"
JUDGMENTS = "query,item,grade\ntea,1,2\ncheese,3,1\n"


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "items.csv").write_text(ITEMS)
    (tmp_path / "judgments.csv").write_text(JUDGMENTS)
    return tmp_path


def shoploop(*words):
    return CliRunner().invoke(main, ["search", *map(str, words)])


def build(shop, out):
    return shoploop("build", shop / "items.csv", "--out", out, "--no-vectors")


def folder(path, **files):
    for name, content in files.items():
        place = path / name.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    return path


def test_an_index_takes_the_place_of_nothing_or_of_an_index(shop):
    (shop / "empty").mkdir()
    assert [build(shop, shop / name).exit_code for name in ("fresh", "empty", "empty")] == [0, 0, 0]
    judged = ("evaluate", shop / "fresh", shop / "judgments.csv", "--out", shop / "report")
    assert [shoploop(*judged).exit_code for _ in range(2)] == [0, 0]


def test_what_somebody_else_put_there_is_left_and_told_in_one_line(shop):
    assert build(shop, shop / "index").exit_code == 0
    thesis = folder(shop / "mine", thesis="precious")
    for words in (
        ("build", shop / "items.csv", "--out", thesis),
        ("evaluate", shop / "index", shop / "judgments.csv", "--out", thesis),
        ("evaluate", shop / "index", shop / "judgments.csv", "--out", shop / "index"),
        ("build", shop / "items.csv", "--out", shop),
        ("build", shop / "items.csv", "--out", shop / "items.csv"),
    ):
        before = {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()}
        ended = shoploop(*words)
        assert ended.exit_code == 2, ended.output
        assert ended.output.startswith("shoploop: ") and len(ended.output.splitlines()) == 1
        assert {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()} == before


def test_a_file_added_to_an_index_or_an_evaluation_is_not_lost(shop):
    assert build(shop, shop / "index").exit_code == 0
    (shop / "index" / "lexical" / "notes").write_text("mine")
    ended = build(shop, shop / "index")
    assert (ended.exit_code, "lexical/notes" in ended.output) == (2, True)
    evaluation = folder(shop / "evaluation", **{"report.json": '{"queries": 0}', "ranked.parquet": "", "mine": ""})
    with pytest.raises(ConfigError, match="holds mine, which"):
        evaluate.OUTPUT.check(evaluation)


def test_a_step_that_left_search_out_may_be_followed_by_a_build(tmp_path):
    load.OUTPUT.check(folder(tmp_path, **{"off.json": '{"why": "search.enabled is false"}'}))


def test_a_long_list_of_strangers_is_cut(tmp_path):
    with pytest.raises(ConfigError, match="and more, which would be lost"):
        load.OUTPUT.check(folder(tmp_path, **{f"f{n}": "" for n in range(9)}))


@pytest.mark.parametrize(
    ("output", "files", "lost"),
    [
        (run.OUTPUT, {"notes.txt": "", "data.csv": ""}, None),  # stays as it is
        (run.OUTPUT, {"lists__mine.txt": ""}, "lists/mine.txt"),
        (run.OUTPUT, {"lists__mine.parquet": ""}, "lists/mine.parquet"),
        (run.OUTPUT, {"report.json": '{"format": 1}'}, "report.json"),
        (run.OUTPUT, {".work__data__x__found.json": "", "lists__ease.parquet": ""}, None),  # was interrupted
        (run.OUTPUT, {"report.json": '{"format": 1, "data": {}, "entries": {}}', "lists__a.parquet": ""}, None),
        (run.OUTPUT, {"report.json": '{"format": 1, "data": {}, "entries": {}}', "lists__a.txt": ""}, "lists/a.txt"),
        (tune.OUTPUT, {"params.yaml": "models: {}"}, "params.yaml"),  # the project's own
        (tune.OUTPUT, {"params.yaml": "", "tune.json": json.dumps({"models": {}, "budget": {}})}, None),
    ],
)
def test_benchmark_and_tune_keep_what_is_not_theirs(tmp_path, output, files, lost):
    there = folder(tmp_path, **files)
    if lost is None:
        output.check(there)
    else:
        with pytest.raises(ConfigError, match=f"holds {lost}, which would be lost"):
            output.check(there)
