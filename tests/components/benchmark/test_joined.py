"""Entrants that join others: on walks along the catalogue, where the transition knows every next step."""

from contextlib import chdir

import pyarrow.parquet as pq
import pytest
import yaml

from components.core.ranking import NEW
from tests.components.benchmark.test_benchmark import called, report_of, walk
from tests.components.benchmark.test_tables import PARAMS

MEMBERS = ["popularity", "item_transition"]
SMALL = {"trees": 20, "min_child_weight": 0, "max_depth": 3, "threads": 1}
JOINED = {
    "fusion": {"component": "fusion", "params": {"weights": {"item_transition": 3.0, "popularity": 1.0}}},
    "ranker": {"component": "ranker", "params": {"candidates": MEMBERS, "lambdamart": SMALL | {"patience": None}}},
    "of_some": {
        "component": "ranker",
        "params": {"candidates": MEMBERS, "lambdamart": SMALL | {"patience": None}, "most_users": 20},
    },
    "with_consensus": {
        "component": "ranker",
        "params": {"candidates": MEMBERS, "lambdamart": SMALL | {"patience": None}, "consensus": {}},
    },
    "stopped": {"component": "ranker", "params": {"candidates": MEMBERS, "lambdamart": SMALL | {"patience": 5}}},
}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The report of a benchmark of what joins two models, and of these, with what was printed."""
    root = tmp_path_factory.mktemp("joined")
    params = root / "joined.yaml"
    params.write_text(yaml.safe_dump({"models": JOINED}), encoding="utf-8")
    result = called(walk(root / "shop"), root / "out", "--params", params, models=",".join([*JOINED, *MEMBERS]))
    assert result.exit_code == 0, result.output
    return report_of(root / "out") | {"printed": result.output}


@pytest.mark.parametrize("name", JOINED)
def test_what_joins_them_finds_the_next_step_that_one_of_them_knows(told, name):
    figures = told["views"]["new"]["figures"]
    assert figures["popularity"]["hit_rate_at_10"]["mean"] < 1
    assert figures[name]["hit_rate_at_10"]["mean"] == 1
    assert figures[name]["ndcg_at_10"]["mean"] > figures["popularity"]["ndcg_at_10"]["mean"]


def test_the_cost_of_the_joined_holds_that_of_its_members(told):
    cost = {name: entry["cost"]["fit_cpu_seconds"] for name, entry in told["entries"].items()}
    assert cost["ranker"] >= cost["item_transition"] + cost["popularity"]


def test_members_are_fitted_first_so_that_their_cost_is_their_own(told):
    for at, name in enumerate(MEMBERS, start=1):
        assert f"[{at}/{len(MEMBERS) + len(JOINED)}] {name}, seed 7" in told["printed"]


def test_a_ranker_may_be_asked_the_validation_fold_and_learns_from_the_one_before(tmp_path):
    params = tmp_path / "joined.yaml"
    params.write_text(yaml.safe_dump({"models": {"ranker": JOINED["ranker"]}}), encoding="utf-8")
    names = ["ranker", *MEMBERS]
    result = called(
        walk(tmp_path / "shop"), tmp_path / "out", "--params", params, "--validation", models=",".join(names)
    )
    assert result.exit_code == 0, result.output
    told = report_of(tmp_path / "out")
    assert told["asked"]["fold"] == "validation" and told["split"]["earlier"]
    assert told["views"]["new"]["figures"]["ranker"]["hit_rate_at_10"]["mean"] == 1
    (folds,) = (tmp_path / "out/.work/data").iterdir()
    last = {}
    for fold in ("window_1", "validation", "test"):
        rows = pq.read_table(folds / fold / "target.parquet", columns=["user_id", "timestamp"]).to_pylist()
        last[fold] = {row["user_id"]: row["timestamp"] for row in rows}
    assert all(last["window_1"][u] < last["validation"][u] < last["test"][u] for u in last["test"])


def test_a_fusion_gives_no_place_to_what_a_member_has_no_evidence_for(tmp_path):
    """Two members know what goes together in a small circle; all else is in the order of the third, by popularity.

    Items that hardly anybody had begin the catalogue, and a list that is filled up would hold them first.
    """
    circle = [f"c{user} {' '.join(f'm{(user + step) % 4}' for step in range(4))}" for user in range(4)]
    crowd = [f"p{user} {' '.join(f'z{(user + step) % 5}' for step in range(5))}" for user in range(20)]
    rare = [f"r{user} a{user} b{user} b{user + 1}" for user in range(12)]
    (tmp_path / "sequences.txt").write_text("\n".join([*circle, *crowd, *rare]) + "\n", encoding="utf-8")
    members = {"item_transition": 1.0, "item_knn": 1.0, "popularity": 1.0}
    lines = {"joined": {"component": "fusion", "params": {"weights": members}}}
    (tmp_path / "lines.yaml").write_text(yaml.safe_dump({"models": lines}), encoding="utf-8")
    result = called(
        tmp_path, tmp_path / "out", "--params", tmp_path / "lines.yaml", "--k", 5, models=",".join([*members, "joined"])
    )
    assert result.exit_code == 0, result.output
    rows = pq.read_table(tmp_path / "out/lists/joined.parquet").to_pylist()
    listed = [row["item_id"] for row in rows if row["user_id"] == "c0"]
    assert "m3" in listed and {item[0] for item in listed if item != "m3"} == {"z"}, "the rest of the circle, then z"


def test_a_ranker_is_asked_anew_where_the_fold_that_it_learnt_from_is_another(tmp_path):
    """The same test window, another validation window: the result of before is not that of now."""
    from components.benchmark.contest import Contest
    from components.benchmark.material import recognise
    from components.benchmark.protocols import prepare, question, splitter
    from components.benchmark.roster import chosen

    rows = [f"u{u},i{(u + day) % 40},2024-01-{day + 1:02}" for u in range(40) for day in range(28)]
    (tmp_path / "sales.csv").write_text("\n".join(["who,what,at", *rows]) + "\n", encoding="utf-8")
    keys = {}
    for share in (0.1, 0.3):
        file = tmp_path / "params.yaml"
        file.write_text(f"{PARAMS.rstrip().removesuffix('}')}, validation_share: {share}}}\n", encoding="utf-8")
        material = recognise(file)
        with chdir(tmp_path):
            asked = question(prepare(material, splitter("temporal", material, {}), tmp_path / "work"), "test")
        lines = chosen("ranker,popularity", None, timed=True)[0]
        contest = Contest(lines, asked, (NEW,), 10, tmp_path / "work", 1)
        keys[share] = {name: contest.key(name, 7) for name in ("ranker", "popularity")}
    assert keys[0.1]["popularity"] == keys[0.3]["popularity"]
    assert keys[0.1]["ranker"] != keys[0.3]["ranker"]


def test_a_ranker_that_nothing_fills_up_is_refused_by_name(tmp_path):
    params = tmp_path / "joined.yaml"
    lines = {"ranker": {"component": "ranker", "params": {"candidates": ["item_transition"]}}}
    params.write_text(yaml.safe_dump({"models": lines}), encoding="utf-8")
    result = called(walk(tmp_path / "shop"), tmp_path / "out", "--params", params, models="item_transition,ranker")
    assert result.exit_code != 0
    assert "ranker: candidates: popularity is missing" in result.output + str(result.exception)
