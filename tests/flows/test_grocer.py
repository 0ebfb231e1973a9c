"""The loop up to the gate on a published grocer's data, by its example: one run, many claims."""

import json
import re

import pytest
import yaml

from components.core import layout
from components.core import schema as s
from tests.flows.project import call, commit_all, copy_checkout
from tests.flows.shops import EXAMPLES, clean_events

pytestmark = pytest.mark.slow

# A twentieth of Ta-Feng's users show no small gain outside the interval; the plumbing is what is tested there.
EASY_GATE = "gate: {beat: {all: [popularity]}}\n"


@pytest.fixture(scope="module")
def grocer(tmp_path_factory):
    """Ta-Feng, every twentieth customer, light models."""
    project = tmp_path_factory.mktemp("grocer")
    copy_checkout(project)
    params = yaml.safe_load((project / EXAMPLES / "ta_feng.yaml").read_text())
    light = ("popularity", "household_recency", "item_knn")
    params |= {
        "clean": {"cleaners": {"sample": {"keep_one_user_in": 20}}},
        "models": {name: params["models"][name] for name in light},
        "rank": {"lambdamart": {"trees": 40}},
        **yaml.safe_load(EASY_GATE),
    }
    (project / "shop.yaml").write_text(yaml.safe_dump(params))
    commit_all(project)
    call(project, "components", "use", "shop.yaml")
    call(project, "dvc", "repro", "gate")
    return project


def test_ta_feng_runs_to_the_gate(grocer):
    report = json.loads((grocer / layout.QUALITY / "report.json").read_text())
    assert report["accepted"]
    assert report["rows"] == {"interactions": 817741, "items": 23812, "users": 32266}
    decision = json.loads((grocer / layout.DECISION / "decision.json").read_text())
    assert decision["gates"]["data_quality"]["passed"]
    assert bool(decision["reasons"]) is not decision["passed"]


def test_ta_feng_s_ranker_is_above_popularity_and_robust(grocer):
    report = json.loads((grocer / layout.EVALUATION / "report.json").read_text())
    assert report["differences"]["all"]["popularity"]["mean"] > 0
    gates = json.loads((grocer / layout.DECISION / "decision.json").read_text())["gates"]
    assert [name for name, gate in gates.items() if not gate["passed"]] in ([], ["accuracy_all_over_popularity"])


@pytest.mark.xfail(
    strict=True,
    reason="in the test window every fifth customer buys one promoted item for the first time, as in no window before; "
    "it stands second in popularity's list. The ranker is above popularity there too, and by far in the windows before "
    "(decision 29), but not outside the interval of 328 customers",
)
def test_ta_feng_passes_the_gate(grocer):
    assert json.loads((grocer / layout.DECISION / "decision.json").read_text())["passed"]


def test_ta_feng_keeps_its_publisher_s_ids(grocer):
    assert all(re.fullmatch(r"\d{8}", row[s.USER_ID]) for row in clean_events(grocer))
