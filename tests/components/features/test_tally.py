import numpy as np

from components.features.tally import Tally

KEYS = np.array([7, 3, 7, 7, 3])
TIMES = np.array([10, 20, 30, 40, 50])
WANTED = np.array([3, 4, 7, 99])


def test_a_key_is_told_its_own_events_and_a_strange_key_nothing():
    tally = Tally(KEYS, WANTED)
    assert tally.counts().tolist() == [2, 0, 3, 0]
    assert tally.sums(np.array([0.5, 1.0, 0.25, 0.0, 2.0])).tolist() == [3.0, 0, 0.75, 0]
    assert tally.first(TIMES).tolist() == [20, 0, 10, 0]
    assert tally.last(TIMES).tolist() == [50, 0, 40, 0]


def test_without_events_all_is_nothing():
    tally = Tally(np.zeros(0, dtype=np.int64), WANTED)
    nothing = np.zeros(0)
    assert [tally.counts().sum(), tally.sums(nothing).sum(), tally.first(nothing).sum(), tally.last(nothing).sum()] == [
        0
    ] * 4
    assert len(tally.counts()) == len(WANTED)
