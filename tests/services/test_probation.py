"""A new champion's first minutes: who answers where it fails, when it is to go back, and when it never is."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from components.core.errors import ConfigError, StateError
from components.promotion.canary import Lines
from services.canary import Canary
from services.flights import Flights
from services.probation import Probation
from services.release_cache import Serving
from services.request_record import CURRENT, RequestRecord, record
from services.search_messages import FoundItem, SearchAnswer

LINES = Lines(min_requests=10, max_errors=0.2, window_s=60, hang_s=5)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@dataclass
class Said:
    """An answer, and who gave it."""

    by: str
    items: list = field(default_factory=lambda: ["tea"])
    fallback: str | None = None


def version(name, clock=None):
    return Serving(SimpleNamespace(digest=name), name, "", flights=Flights(clock or Clock()))


NO = ConfigError("no")


def ask(*broken, error=NO, empty=()):
    """Asks a side: the broken ones raise, the empty ones have nothing to show."""

    def answer(side):
        if side.version in broken:
            raise error
        return Said(side.version, [] if side.version in empty else ["tea"])

    return answer


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sides(clock):
    return version("1", clock), version("2", clock)


@pytest.fixture
def probation(clock, sides):
    """Version 1 has answered a hundred times; somebody promoted version 2."""
    one, two = sides
    probation = Probation(LINES, clock)
    probation.swapped(None, one, promoted=True)
    for _ in range(100):
        probation.answer(one, ask())
    probation.swapped(one, two, promoted=True)
    return probation


def test_the_first_release_has_nothing_to_go_back_to(clock, sides):
    probation = Probation(LINES, clock)
    probation.swapped(None, sides[0], promoted=True)
    with pytest.raises(ConfigError):
        probation.answer(sides[0], ask("1"))
    probation.judge()
    assert (probation.term, probation.failed, probation.state()) == (None, None, None)


def test_a_champion_that_fails_is_stood_in_for_and_is_to_go_back(probation, sides):
    said = [probation.answer(sides[1], ask("2")).by for _ in range(3)]
    probation.judge()
    assert said == ["1", "1", "1"]
    assert (probation.failed.version, probation.failed.before) == ("2", "1")
    assert probation.failed.reason.startswith("3 of 3 answers failed, its predecessor's 0 of 100")
    assert probation.state().state == "going back"
    probation.told(None)
    assert probation.state().state == "rolled back"


def test_what_was_gone_back_to_is_not_watched_and_the_reason_stays_until_the_next_promotion(probation, sides):
    for _ in range(3):
        probation.answer(sides[1], ask("2"))
    probation.judge()
    probation.told(None)
    probation.swapped(sides[1], sides[0], promoted=False)
    for _ in range(5):
        with pytest.raises(ConfigError):
            probation.answer(sides[0], ask("1"))
    probation.judge()
    assert probation.term is None
    assert (probation.failed.version, probation.failed.told) == ("2", True)
    probation.swapped(sides[0], version("3"), promoted=True)
    assert (probation.failed, probation.state().state) == (None, "watched")


def test_a_champion_that_does_as_its_predecessor_passes_when_its_window_is_over(probation, sides, clock):
    for _ in range(50):
        probation.answer(sides[1], ask())
    probation.judge()
    assert (probation.state().state, probation.state().since_swap.requests) == ("watched", 50)
    clock.now += 61
    probation.judge()
    assert (probation.term, probation.failed) == (None, None)


def test_an_empty_list_is_a_failure_only_where_the_predecessor_has_something_to_show(probation, sides):
    nobody = [probation.answer(sides[1], ask(empty=("1", "2"))) for _ in range(20)]
    probation.judge()
    assert ([len(said.items) for said in nobody], probation.failed) == ([0] * 20, None)
    shown = [probation.answer(sides[1], ask(empty=("2",))) for _ in range(20)]
    probation.judge()
    assert {(said.by, len(said.items)) for said in shown} == {("1", 1)}
    assert probation.failed.reason.startswith("20 of 40 answers failed")


def test_answers_that_hang_count_before_they_end(probation, sides, clock):
    hanging = [sides[1].flights.one() for _ in range(3)]
    for one in hanging:
        one.__enter__()
    probation.judge()
    assert probation.failed is None
    clock.now += 5.1
    probation.judge()
    assert probation.failed.reason.startswith("3 of 3 answers failed")
    for one in hanging:
        one.__exit__(None, None, None)
    assert sides[1].flights.overdue(0) == 0


def test_a_store_that_is_away_is_nobody_s_fault(probation, sides):
    for _ in range(20):
        with pytest.raises(StateError):
            probation.answer(sides[1], ask("2", error=StateError("away")))
    probation.judge()
    assert (probation.failed, probation.state().since_swap.requests) == (None, 0)


def test_one_that_cannot_go_back_says_why_and_is_not_asked_again(probation, sides):
    for _ in range(3):
        probation.answer(sides[1], ask("2"))
    probation.judge()
    probation.told("the champion before is another")
    state = probation.state()
    assert (state.state, state.reason.endswith("; the champion before is another")) == ("stays", True)
    probation.judge()
    assert probation.failed.told


def test_a_canary_is_held_to_the_same(clock):
    one, two = version("1", clock), version("2", clock)
    canary = Canary(1.0, LINES, clock)
    canary.begin(two, one)
    shown = [canary.answer(lambda: "u", one, ask(empty=("2",))).by for _ in range(3)]
    assert shown == ["1", "1", "1"]
    assert canary.state().reason.startswith("3 of 3 answers failed")
    canary.begin(two, one)
    with two.flights.one(), two.flights.one(), two.flights.one():
        clock.now += 6
        canary.judge()
    assert canary.state().state == "switched off"


def found(version, fallback):
    return SearchAnswer(
        request_id="r", items=[FoundItem.model_construct()], corrected=None, dropped=[], fallback=fallback, note=None,
        total=None, facets={}, personalised=False, version=version, release="d", data_digest="d", index="i",
    )  # fmt: skip


def test_searches_that_were_corrected_are_no_recommendations_that_are_not_personal(probation, sides, clock):
    """The new index corrects every query, the one before none: people get their own answers from both."""
    one, two = sides
    canary = Canary(1.0, LINES, clock)
    canary.begin(two, one)
    for _ in range(200):
        probation.answer(two, lambda side: found(side.version, "corrected"))
        canary.answer(lambda: "u", one, lambda side: found(side.version, "corrected"))
    probation.judge()
    canary.judge()
    assert (probation.failed, canary.state().state) == (None, "running")
    told = probation.state().since_swap
    assert (told.requests, told.recommended, told.fallbacks) == (200, 0, 0)


@pytest.mark.parametrize("empty", [("1", "2"), ("2",)], ids=["neither has anything", "the predecessor has"])
def test_what_is_logged_is_of_the_answer_that_is_given(probation, sides, empty):
    asked = ask(empty=empty)

    def answer(side):
        record().version = record().features = side.version
        return asked(side)

    token = CURRENT.set(RequestRecord())
    try:
        given = probation.answer(sides[1], answer)
        assert (record().version, record().features) == (given.by, given.by)
    finally:
        CURRENT.reset(token)
