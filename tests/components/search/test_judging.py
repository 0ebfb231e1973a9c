import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from components.__main__ import main
from components.core.errors import DataError
from components.metrics.graded import graded_ndcg
from components.search.engine import Hits
from components.search.evaluate import evaluate
from components.search.fusion import fuse
from components.search.judgments import Judgments, read_judgments
from components.search.measure import measured


def test_graded_ndcg_is_what_one_computes_by_hand():
    ideal = 3 + 1 / np.log2(3)
    assert graded_ndcg(np.array([1.0, 3.0]), np.array([3.0, 1.0, 0.0]), k=10) == pytest.approx(
        (1 + 3 / np.log2(3)) / ideal
    )
    assert np.isnan(graded_ndcg(np.array([0.0]), np.array([0.0]), k=10))


def test_figures_of_a_query_and_of_one_that_finds_nothing():
    figures = measured([["x", "a"], []], [{"a": 2.0, "b": 1.0}, {"c": 1.0}])
    assert figures["mrr_at_10"].tolist() == [0.5, 0.0]
    assert figures["recall_at_10"].tolist() == [0.5, 0.0]
    assert figures["ndcg_at_10"][0] == pytest.approx((2 / np.log2(3)) / (2 + 1 / np.log2(3)))


def test_fusion_adds_reciprocal_ranks():
    one = Hits(np.array([5, 7], np.int32), np.array([9.0, 8.0]))
    other = Hits(np.array([7], np.int32), np.array([0.1]))
    fused = fuse([(one, 1.0), (other, 1.0)], 10)
    assert fused.rows.tolist() == [7, 5]
    assert fused.scores[0] == pytest.approx(1 / 62 + 1 / 61)


def test_bad_judgments_are_told_and_counted(tmp_path):
    file = tmp_path / "qrels.csv"
    file.write_text("Search Term,SKU,Label\nmilk,a,2\nmilk,a,1\nmilk,zz,1\nmilk,b,-1\nmilk,b,good\n,a,1\nmilk,b,nan\n")
    judgments = read_judgments(file, {}, {}, ["a", "b"])
    assert judgments.grades == {"milk": {"a": 2.0}}
    assert judgments.counts == {
        "judged twice, the higher grade counts": 1,
        "of items that are not in the index, left out": 1,
        "with a grade below zero, left out": 1,
        "with a grade that is no number, left out": 1,
        "without a query, left out": 1,
        "with a grade out of range, left out": 1,
    }
    assert judgments.examples["with a grade that is no number, left out"] == ("milk · b · good",)
    assert read_judgments(file, {}, {"Good": 3.0}, ["a", "b"]).grades["milk"]["b"] == 3.0
    with pytest.raises(DataError, match="not one judgment can be used"):
        read_judgments(file, {}, {}, ["c"])


def test_the_written_lists_give_the_reported_figure_again(index, judged, tmp_path):
    some = dict(list(judged.JUDGED.items())[:12])
    report = evaluate(index, Judgments(some, {}, {}, {}), tmp_path / "out", np.random.default_rng(1))
    table = pq.read_table(tmp_path / "out" / "ranked.parquet").to_pylist()
    assert list(table[0]) == ["query", "item_id", "rank", "score"]
    again = []
    for query, own in some.items():
        shown = [row["item_id"] for row in table if row["query"] == query and row["rank"] <= 10]
        best = sorted(own.values(), reverse=True)
        dcg = sum(own.get(item, 0) / np.log2(i + 2) for i, item in enumerate(shown))
        again.append(dcg / sum(g / np.log2(i + 2) for i, g in enumerate(best)))
    assert report["modes"]["lexical"]["ndcg_at_10"]["mean"] == pytest.approx(np.mean(again))
    assert set(report["modes"]) == {"lexical", "dense", "fused"}
    assert (tmp_path / "out" / "report.html").read_text().count("<figure>") == 3
    assert json.loads((tmp_path / "out" / "report.json").read_text())["queries"] == 12


def test_the_commands_build_ask_and_judge(shop_files, tmp_path):
    def said(*arguments):
        result = CliRunner().invoke(main, ["search", *map(str, arguments)])
        assert result.exit_code == 0, result.output
        return result.output

    out = tmp_path / "index"
    told = said("build", shop_files / "items.csv", "--out", out, "--no-vectors")
    assert "column of the text" in told
    assert "54" in told
    assert "taken as: batteries" in said("query", out, "battreies")
    assert "NDCG@10" in said("evaluate", out, shop_files / "judgments.csv", "--out", tmp_path / "judged")


@pytest.mark.slow
def test_a_tuned_build_says_what_paid_and_keeps_only_that(shop_files, tmp_path):
    out = tmp_path / "index"
    arguments = ["search", "build", str(shop_files / "items.csv"), "--out", str(out)]
    result = CliRunner().invoke(main, [*arguments, "--judgments", str(shop_files / "judgments.csv")])
    assert result.exit_code == 0, result.output
    assert "held-out gain" in result.output
    assert json.loads((out / "search.json").read_text())["mode"] == "lexical"
