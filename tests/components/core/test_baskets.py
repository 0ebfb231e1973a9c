"""Baskets on literal histories, seen by eye."""

from components.core.baskets import baskets_of
from components.core.dataset import Histories

NOW = 100
# The first user buys {1, 2}, {2}, {3, 1}; the second nothing; the third {4}.
THREE = Histories.of([[1, 2, 2, 3, 1], [], [4]], [[10, 10, 20, 30, 30], [], [15]], NOW)


def test_events_of_one_time_are_one_basket_and_first_buys_are_told_from_repeats() -> None:
    baskets = baskets_of(THREE)
    assert baskets.event_start.tolist() == [0, 2, 3, 5, 6]
    assert baskets.row_start.tolist() == [0, 3, 3, 4]
    assert baskets.times.tolist() == [10, 20, 30, 15]
    assert baskets.first_buy.tolist() == [True, True, False, True, False, True]


def test_every_basket_knows_its_user_its_events_and_how_many_came_later() -> None:
    baskets = baskets_of(THREE)
    assert baskets.rows.tolist() == [0, 0, 0, 2]
    assert baskets.of_event.tolist() == [0, 0, 1, 2, 2, 3]
    assert baskets.since.tolist() == [2, 1, 0, 0]


def test_contents_hold_an_item_once_however_often_it_was_bought_at_that_time() -> None:
    baskets = baskets_of(Histories.of([[0, 0, 1], [2]], [[1, 1, 2], [1]], NOW))
    assert baskets.contents(3).toarray().tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]


def test_the_same_item_twice_in_its_first_basket_is_a_first_buy_twice() -> None:
    assert baskets_of(Histories.of([[5, 5, 5]], [[1, 1, 2]], NOW)).first_buy.tolist() == [True, True, False]


def test_baskets_of_two_users_at_one_time_stay_apart() -> None:
    assert baskets_of(Histories.of([[1], [2]], [[7], [7]], NOW)).row_start.tolist() == [0, 1, 2]


def test_nobody_has_no_basket() -> None:
    none = baskets_of(Histories.of([], [], NOW))
    assert [len(of) for of in (none.rows, none.of_event, none.since, none.first_buy)] == [0, 0, 0, 0]
    assert none.contents(4).shape == (0, 4)
