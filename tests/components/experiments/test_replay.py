"""A replay against a small service of our own: it answers the same lists to everybody in a variant."""

import json
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core.errors import DataError
from components.experiments import report
from components.experiments.design import Experiment
from components.experiments.readout import BETTER, UNTRUSTED
from components.experiments.replay import Basket, held_out_baskets, replay

DESIGN = Experiment(name="demo")
FIRST, LATER = datetime.fromisoformat("2017-12-01T09:00"), datetime.fromisoformat("2017-12-02T09:00")


class Shop:
    """Shows milk to the control and bread to the treatment; remembers what it is told."""

    def __init__(self, experiment="demo", lists=None):
        self.experiment = experiment
        self.lists = lists or {"control": ["milk", "tea"], "treatment": ["bread", "milk"]}
        self.calls = []
        self.known = set()

    def post(self, path, body):
        self.calls.append((path, body))
        if path == "/events":
            new = {event["event_id"] for event in body["events"]} - self.known
            self.known |= new
            return {"accepted": len(new), "repeated": len(body["events"]) - len(new), "unknown_items": 0}
        variant = DESIGN.variant_of(body["user_id"])
        return {
            "request_id": f"r{len(self.calls)}",
            "version": "1",
            "release": "abc",
            "experiment": self.experiment,
            "variant": variant,
            "fallback": None,
            "items": [{"item_id": item} for item in self.lists[variant]],
        }


@pytest.fixture
def target(tmp_path):
    """User a shops twice, b once, c once and earliest."""
    lines = [
        ("a", "a1", FIRST, "milk"),
        ("a", "a1", FIRST, "bread"),
        ("a", "a2", LATER, "tea"),
        ("b", "b1", LATER, "milk"),
    ]
    lines += [("c", "c1", datetime.fromisoformat("2017-11-30"), "bread"), ("a", "a1", FIRST, "milk")]
    names = ["user_id", "session_id", "timestamp", "item_id"]
    pq.write_table(
        pa.table(dict(zip(names, map(list, zip(*lines, strict=True)), strict=True))), tmp_path / "target.parquet"
    )
    return tmp_path / "target.parquet"


def baskets(target, users=9, per_user=9):
    return held_out_baskets(target, users, per_user, np.random.default_rng(0))


def test_baskets_come_oldest_first_with_distinct_items(target):
    found = baskets(target)
    assert [b.session_id for b in found] == ["c1", "a1", "a2", "b1"]
    assert found[1].items == ("bread", "milk")


def test_a_user_gives_at_most_so_many_baskets(target):
    assert [b.session_id for b in baskets(target, per_user=1)] == ["c1", "a1", "b1"]


def test_no_more_users_than_asked(target):
    assert len({b.user_id for b in baskets(target, users=2)}) == 2


def test_the_service_is_asked_before_it_is_told(target):
    shop = Shop()
    replay(baskets(target), shop.post, "demo", k=2)
    assert [path for path, _ in shop.calls] == ["/recommend", "/events"] * 4


def test_hits_are_the_shown_items_that_were_bought(target):
    lists = {"control": ["milk", "tea"], "treatment": ["milk", "tea"]}
    served = replay(baskets(target), Shop(lists=lists).post, "demo", k=2)
    assert [answer.hits for answer in served] == [0, 1, 1, 1]


def test_a_service_that_knows_the_baskets_already_is_refused(target):
    shop = Shop()
    replay(baskets(target), shop.post, "demo", k=2)
    with pytest.raises(DataError, match="already knew basket c1, so its answers are not held out"):
        replay(baskets(target), shop.post, "demo", k=2)


def test_a_large_basket_is_sent_in_parts():
    basket = Basket("a", "a1", FIRST, tuple(f"i{n:03}" for n in range(230)))
    shop = Shop()
    replay([basket], shop.post, "demo", k=2)
    assert [len(body["events"]) for path, body in shop.calls if path == "/events"] == [100, 100, 30]


def test_a_service_without_the_experiment_is_noticed(target):
    with pytest.raises(DataError, match="answered for experiment 'other', not 'demo'"):
        replay(baskets(target), Shop(experiment="other").post, "demo", k=2)


def many_users(tmp_path, n=200):
    """Everybody buys bread; one in four buys milk too."""
    table = {"user_id": [], "session_id": [], "timestamp": [], "item_id": []}
    for user in range(n):
        for item in ["bread", "milk"] if user % 4 == 0 else ["bread"]:
            for column, value in zip(table, (str(user), f"s{user}", FIRST, item), strict=True):
                table[column].append(value)
    pq.write_table(pa.table(table), tmp_path / "target.parquet")
    return held_out_baskets(tmp_path / "target.parquet", n, 1, np.random.default_rng(0))


def test_the_better_variant_is_found_and_written(tmp_path):
    served = replay(many_users(tmp_path), Shop().post, "demo", k=2)
    found = report.assemble(DESIGN, served, k=2)
    assert found["verdict"] == BETTER
    assert found["metrics"]["hits_per_list"]["difference"] == pytest.approx(1.0, abs=0.15)
    files = report.write(found, served, None, tmp_path / "demo")
    assert all(file.exists() for file in files)
    html = (tmp_path / "demo" / "report.html").read_text()
    assert "REPLAYED" in html
    assert "cannot show the effect of an exposure" in html
    assert json.loads((tmp_path / "demo" / "report.json").read_text())["replayed"] is True
    assert pq.read_table(tmp_path / "demo" / "served.parquet").num_rows == 200
    assert all(np.isfinite(value) for value in report.metrics(found).values())


def test_a_broken_split_is_said_first(tmp_path):
    served = replay(many_users(tmp_path, 400), Shop().post, "demo", k=2)
    lost = [answer for answer in served if answer.variant == "treatment" or int(answer.user_id) % 2]
    assert report.assemble(DESIGN, lost, k=2)["verdict"] == UNTRUSTED


def test_a_variant_nobody_got_is_an_error(tmp_path):
    served = replay(many_users(tmp_path, 40), Shop().post, "demo", k=2)
    with pytest.raises(DataError, match="nobody was served variant 'treatment'"):
        report.assemble(DESIGN, [a for a in served if a.variant == "control"], k=2)
