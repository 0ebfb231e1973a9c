"""What libraries of other environments are given, and what they hand back."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from tests.benchmarks.other_peers import PEERS, Fit, ndcg, top
from tests.benchmarks.peer_histories import main

LINES = "ann a b c d\nbob b c d e\ncid a c e b\ndan e d b a\n"
BUDGET_MINUTES = 0.01


@pytest.fixture
def folds(tmp_path):
    """The folds of four users, as files."""
    (tmp_path / "sequences.txt").write_text(LINES)
    out = tmp_path / "histories"
    given = ["--data", str(tmp_path / "sequences.txt"), "--out", str(out)]
    assert CliRunner().invoke(main, given, catch_exceptions=False).exit_code == 0
    return out


def test_a_fold_holds_all_but_the_last_items_in_their_order(folds):
    test, validation = (pd.read_parquet(folds / f"{name}.history.parquet") for name in ("test", "validation"))
    assert test[test.user_id == "ann"][["item_id", "place"]].to_numpy().tolist() == [["a", 0], ["b", 1], ["c", 2]]
    assert validation[validation.user_id == "dan"].item_id.tolist() == ["e", "d"]
    relevant = pd.read_parquet(folds / "validation.relevant.parquet").set_index("user_id").item_id
    assert relevant["ann"] == "c"
    assert relevant["bob"] == "d"
    assert not (folds / "test.relevant.parquet").exists()


def test_the_gain_of_a_list_is_that_of_the_place_of_its_hit():
    lists = pd.DataFrame({"user_id": ["u", "u", "v"], "item_id": ["a", "b", "a"], "rank": [1, 2, 1]})
    relevant = pd.DataFrame({"user_id": ["u", "v"], "item_id": ["b", "b"]})
    assert ndcg(lists, relevant) == pytest.approx((1 / np.log2(3)) / 2)


def test_lists_name_no_item_of_the_history():
    items = np.array([f"i{n:02}" for n in range(12)])
    lists = top(np.arange(12.0)[None].copy(), ["u"], items, {"u": np.array([11, 0])})
    assert lists.item_id.tolist() == [f"i{n:02}" for n in range(10, 0, -1)]
    assert lists["rank"].tolist() == list(range(1, 11))


@pytest.mark.slow
@pytest.mark.parametrize("name", PEERS)
def test_a_peer_ranks_what_a_user_did_not_have(name):
    library = name.split("_")[0]
    pytest.importorskip(
        library, reason=f"{library} lives in an environment of its own: tests/benchmarks/other_peers.py"
    )
    draw = np.random.default_rng(0)
    rows = [(f"u{u}", f"i{i:02}", place) for u in range(60) for place, i in enumerate(draw.permutation(30)[:8])]
    history = pd.DataFrame(rows, columns=["user_id", "item_id", "place"])
    options = PEERS[name].options if PEERS[name].draw is None else PEERS[name].draw(draw)
    lists = PEERS[name].fit(Fit(history, options, 7, BUDGET_MINUTES))(["u1", "u2"])
    assert set(lists.user_id) == {"u1", "u2"}
    assert lists["rank"].between(1, 10).all()
    assert not len(lists.merge(history, on=["user_id", "item_id"]))
