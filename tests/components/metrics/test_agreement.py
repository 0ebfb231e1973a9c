"""Agreement of two lists, on lists short enough to work it out by hand."""

import pytest

from components.metrics.agreement import overlap, rank_biased_overlap


def test_equal_lists_agree_wholly_and_strangers_not_at_all():
    for measure in (overlap, rank_biased_overlap):
        assert measure(list("abc"), list("abc")) == pytest.approx(1)
        assert measure(list("abc"), list("xyz")) == 0
        assert measure([], []) == 1
        assert measure([], ["a"]) == 0


def test_overlap_does_not_ask_for_the_order_and_divides_by_the_longer_list():
    assert overlap(list("abcd"), list("dcba")) == 1
    assert overlap(list("abcd"), list("ab")) == 0.5


def test_a_swap_at_the_top_weighs_as_worked_out_by_hand():
    # First places share nothing, the first two everything: (1 * 0 + 0.5 * 1) / (1 + 0.5).
    assert rank_biased_overlap(list("ab"), list("ba"), persistence=0.5) == pytest.approx(1 / 3)


def test_a_difference_at_the_top_costs_more_than_one_at_the_end():
    assert rank_biased_overlap(list("abcd"), list("xbcd")) < rank_biased_overlap(list("abcd"), list("abcx"))
