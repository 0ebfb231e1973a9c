"""SHORT FORMS of the loads that need no service, and what every load does with its figures.

They hold counts, shapes and equality, and no time; the loads of a service have theirs in tests/faults/test_short.py.
"""

import pytest

from tests.load import catalogue_size, machine, search_scale
from tests.load.lines import Line, told


def test_a_figure_beyond_its_line_and_one_that_is_no_number_are_missed(capsys):
    assert told([Line("share", 0.6, 0.6, " ×", least=True), Line("p99", 50.0, 50.0, " ms")]) == 0
    assert told([Line("share", 0.59, 0.6, least=True), Line("p99", 12.0, 50.0, " ms")]) == 1
    assert told([Line("p99", float("nan"), 50.0)]) == 1
    assert capsys.readouterr().out.splitlines()[2:4] == [
        "MISSED share: 0.59 (at least 0.6)", "holds  p99: 12 ms (at most 50 ms)"
    ]  # fmt: skip


def test_a_busy_machine_gives_no_figure(monkeypatch, capsys):
    monkeypatch.setattr(machine, "BUSY_SHARE", -1.0)  # every machine is
    monkeypatch.setattr(machine.sys, "argv", ["load"])
    with pytest.raises(SystemExit) as ended:
        machine.quiet()
    assert ended.value.code == machine.BUSY_CODE
    assert "too busy for a figure" in capsys.readouterr().out


@pytest.mark.slow
def test_the_index_of_a_large_catalogue_keeps_its_recall_and_fills_lists():
    hybrid, histories = catalogue_size.drawn(101_000)
    assert hybrid.retrieval.checked["als"].recall >= catalogue_size.RECALL
    hybrid.ranker = catalogue_size.ranker(*catalogue_size.drawn(2_000))
    orders = hybrid.orders(histories.take([0, 1, 2]))
    assert all(len(set(order.first(50)[0].tolist())) == 50 for order in orders)


@pytest.mark.slow
def test_every_way_to_search_synthetic_titles_finds_them():
    _, rows = search_scale.measure(3_000, vectors=True, asked=60)
    assert {"lexical", "dense", "fused", "suggest"} < set(rows)
    assert min(rows[name]["found"] for name in ("lexical", "dense", "fused")) == 60
    assert rows["lexical, category and price"]["found"] <= 60
