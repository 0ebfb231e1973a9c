"""What the table says of differences, on gains that a person can check."""

import numpy as np
import pytest
import scipy.sparse as sp

from components.benchmark import text
from components.benchmark.standings import Entry, cost_of, standings
from components.core.dataset import Histories
from components.core.ranking import NEW
from components.evaluation.protocol import Task

USERS, ITEMS, OTHERS = 60, 12, 60


@pytest.fixture(scope="module")
def measured():
    """One model has every user's item first, sixty have it second, one has it second for two users only."""
    bought = np.arange(USERS) % (ITEMS - 1)
    relevant = sp.csr_matrix((np.ones(USERS), (np.arange(USERS), bought)), shape=(USERS, ITEMS))
    none = Histories.of([[] for _ in range(USERS)], [[] for _ in range(USERS)], 10)
    task = Task(np.array([f"u{u:02}" for u in range(USERS)]), none, {NEW: relevant}, ITEMS)
    first = np.stack([bought, np.full(USERS, ITEMS - 1)], axis=1).astype(np.int32)
    second = first[:, ::-1].copy()
    nearly = np.where((np.arange(USERS) < 2)[:, None], second, first)
    lists = {"first": first, "nearly": nearly} | {f"other_{n}": second for n in range(OTHERS)}
    entries = [Entry(name, "popularity", {}, {NEW: [found]}) for name, found in lists.items()]
    return standings(entries, task, np.ones(ITEMS), (NEW,), 2, np.random.default_rng(0))[NEW]


def test_however_many_are_compared_a_clear_difference_can_be_told(measured):
    assert measured["order"][0] == "first"
    against = measured["against_best"]
    assert len(against) == OTHERS + 1
    assert all(against[f"other_{n}"]["p_holm"] < 0.05 for n in range(OTHERS))
    assert against["nearly"]["p_holm"] > 0.05 and 1 < against["nearly"]["standard_errors"] < 2


def test_a_p_value_that_is_the_least_these_draws_can_give_is_told_as_a_bound(measured):
    report = {
        "asked": {"k": 2, "seeds": 1},
        "views": {NEW: measured},
        "entries": {name: {"cost": None, "seeds": 1} for name in measured["order"]},
    }
    columns, rows = text.table(report, NEW)
    of = {row[0]: dict(zip(columns, row, strict=True)) for row in rows}
    assert of["first"]["best minus it"] == "best"
    assert of["other_0"]["p (Holm)"].startswith("< 0.0")
    assert not of["nearly"]["p (Holm)"].startswith("<")
    assert float(of["nearly"]["std errors"]) == pytest.approx(1.4, abs=0.1)


def test_a_rate_that_is_too_quick_to_be_measured_is_not_told():
    part = {"seconds": 1.0, "cpu_seconds": 0.5, "peak_mb": 200.0}
    told = [{"users": 40, "fit": part, "ask": part | {"cpu_seconds": taken}} for taken in (0.0, 0.01, 0.02)]
    assert [cost_of([each])["users_per_cpu_second"] for each in told] == [None, 4000, 2000]


def test_who_finished_with_some_seeds_only_is_marked(measured):
    report = {
        "asked": {"k": 2, "seeds": 3},
        "views": {NEW: measured | {"order": ["first"]}},
        "entries": {"first": {"cost": dict.fromkeys(("fit_cpu_seconds", "users_per_cpu_second", "peak_mb"), 1.0),
                              "seeds": 2}},
    }  # fmt: skip
    _, [row] = text.table(report, NEW)
    assert row[0] == "first (2 of 3 seeds)"
