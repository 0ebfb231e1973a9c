"""When a canary is switched off: literal windows, verdicts that can be worked out by hand."""

import pytest

from components.promotion.canary import Figures, Lines, Outcome, Window, crossed, slowest, summed

LINES = Lines(min_requests=100, min_for_pace=500, max_errors=0.01, max_slowdown=2, slow_ms=20, max_fallbacks=0.1)
CHAMPION = Figures(
    requests=900, errors=0, recommended=900, fallbacks=90, p99_ms=30.0
)  # a tenth of its answers is not personal


def canary(requests=100, errors=0, fallbacks=10, p99_ms=30.0):
    return crossed(Figures(requests, errors, requests, fallbacks, p99_ms), CHAMPION, LINES)


def test_a_canary_that_does_as_the_champion_does_goes_on():
    assert canary() is None


@pytest.mark.parametrize(("errors", "off"), [(1, False), (2, True)])
def test_of_a_hundred_answers_one_may_fail_and_two_may_not(errors, off):
    assert (canary(errors=errors) is not None) == off


def test_what_can_only_get_worse_is_not_waited_for():
    assert canary(requests=1, errors=1, fallbacks=0) is None
    assert canary(requests=2, errors=2, fallbacks=0, p99_ms=None) == (
        "2 of 2 answers failed, the champion's 0 of 900; at most 1.0% more may, of 100 or more"
    )


def test_errors_that_the_champion_has_too_are_not_the_canary_s():
    failing = Figures(requests=900, errors=90, recommended=900, fallbacks=0, p99_ms=30.0)
    assert crossed(Figures(100, 11, 100, 0, 30.0), failing, LINES) is None
    assert crossed(Figures(100, 12, 100, 0, 30.0), failing, LINES) is not None


@pytest.mark.parametrize(("p99_ms", "off"), [(60.0, False), (60.1, True)])
def test_twice_as_slow_is_the_line(p99_ms, off):
    assert (canary(requests=500, fallbacks=50, p99_ms=p99_ms) is not None) == off


def test_a_multiple_of_next_to_nothing_is_nothing():
    quick = Figures(requests=900, errors=0, recommended=900, fallbacks=0, p99_ms=2.0)
    assert crossed(Figures(500, 0, 500, 0, 22.0), quick, LINES) is None
    assert "the line is 22.0 ms" in crossed(Figures(500, 0, 500, 0, 22.1), quick, LINES)


@pytest.mark.parametrize(("fallbacks", "off"), [(20, False), (21, True)])
def test_a_tenth_more_answers_that_are_not_personal_is_the_line(fallbacks, off):
    assert (canary(fallbacks=fallbacks) is not None) == off


def test_only_recommendations_are_personal_or_not():
    """Among ten times as many searches, none of which counts, they are judged by themselves."""
    asked = [Outcome(0, 0.01, fallback=n < 30) for n in range(100)] + [Outcome(0, 0.01)] * 1000
    assert summed(asked) == Figures(requests=1100, errors=0, recommended=100, fallbacks=30, p99_ms=10.0)
    assert crossed(summed(asked), CHAMPION, LINES) == (
        "30.0% of its recommendations were not personal, the champion's 10.0%; at most 10.0% more may be"
    )
    assert crossed(summed(asked[1:]), CHAMPION, LINES) is None, "99 recommendations are too few"


def test_few_requests_say_nothing_of_pace_and_fallbacks():
    assert canary(requests=99, fallbacks=99) is None
    assert canary(requests=499, fallbacks=0, p99_ms=900.0) is None
    few = Figures(requests=99, errors=0, recommended=99, fallbacks=0, p99_ms=1.0)
    assert crossed(Figures(5000, 0, 5000, 5000, 900.0), few, LINES) is None


def test_p99_is_the_99th_of_a_hundred_and_failures_have_no_pace():
    assert slowest(range(1, 101)) == 99
    assert slowest([7.0]) == 7.0
    assert summed([Outcome(0, 0.5), Outcome(1, 9.0, failed=True), Outcome(2, 0.1, fallback=True)]) == Figures(
        requests=3, errors=1, recommended=1, fallbacks=1, p99_ms=500.0
    )


def test_what_is_older_than_the_window_is_forgotten():
    window = Window()
    for at in (0.0, 100.0, 200.0):
        window.add(Outcome(at, 0.001, failed=at < 150))
    assert window.figures(now=250.0, window_s=160).errors == 1
    assert window.figures(now=250.0, window_s=150) == Figures(
        requests=1, errors=0, recommended=0, fallbacks=0, p99_ms=1.0
    )
