"""Who a canary answers, and what becomes of it and of the people when it fails: two real releases in one process."""

import shutil
from copy import copy
from dataclasses import replace

import numpy as np
import pytest

from components.core.errors import ConfigError, StateError
from components.promotion.canary import Lines
from components.release.assemble import assemble
from services.canary import Canary, takes
from services.desk import Desk
from services.messages import RecommendRequest
from services.release_cache import serving
from services.settings import Settings, read_settings
from services.state import State

USERS = [f"u{n:02}" for n in range(48)]


@pytest.fixture(scope="module")
def champion(trained_shop, tmp_path_factory):
    root = shutil.copytree(trained_shop, tmp_path_factory.mktemp("canary") / "shop")
    return serving(assemble(root, "shop", {}), "1")


@pytest.fixture
def desk(champion, tmp_path):
    desk = Desk(Settings(), State(tmp_path))
    desk.check(champion.release)
    return desk


@pytest.fixture
def answer(desk, champion):
    """The answer of whichever side a user is on."""

    def answer(canary, user):
        request = RecommendRequest(user_id=user)
        unit = lambda: desk.unit(request, champion.release)  # noqa: E731
        return canary.answer(unit, champion, lambda side: desk.recommend(request, side))

    return answer


def begun(candidate, champion, share=0.5, **lines):
    canary = Canary(share, Lines(min_requests=5, max_errors=0.5, **lines))
    canary.begin(replace(candidate, version="2"), champion)
    return canary


def without_numbers(champion):
    """The candidate scores nothing but NaN; the champion is left as it is."""
    ranker = copy(champion.release.hybrid.ranker)
    ranker.predict = lambda features: np.full(len(features), np.nan, dtype=np.float32)
    release = copy(champion.release)
    release.hybrid = replace(champion.release.hybrid, ranker=ranker)
    return replace(champion, release=release)


def test_a_share_is_a_share_and_a_larger_one_keeps_everybody_who_was_in_the_smaller():
    people = [str(n) for n in range(10_000)]
    small, large = ({p for p in people if takes(p, "d" * 64, share)} for share in (0.1, 0.3))
    assert len(small) / len(people) == pytest.approx(0.1, abs=0.01)
    assert small < large
    assert not any(takes(p, "d" * 64, 0) for p in people)
    assert all(takes(p, "d" * 64, 1) for p in people)
    assert {p for p in people if takes(p, "e" * 64, 0.1)} != small


def test_every_user_stays_on_one_side_and_the_answer_says_which(champion, answer):
    canary = begun(champion, champion)
    sides = [{answer(canary, user).version for _ in range(3)} for user in USERS]
    assert all(len(side) == 1 for side in sides)
    assert [side == {"2"} for side in sides] == [takes(user, champion.release.digest, 0.5) for user in USERS]
    state = canary.state()
    assert (state.state, state.share) == ("running", 0.5)
    assert state.canary.requests + state.champion.requests == 3 * len(USERS)
    assert state.canary.errors == state.champion.errors == 0


def test_a_canary_without_numbers_is_switched_off_and_everybody_got_the_champion_s_answer(champion, answer):
    canary = begun(without_numbers(champion), champion, share=1)
    answers = [answer(canary, user) for user in USERS]
    assert {(a.version, len(a.items)) for a in answers} == {("1", 10)}
    assert all(np.isfinite([item.score for item in a.items]).all() for a in answers)
    assert canary.trial is None
    assert canary.state().reason.startswith("3 of 3 answers failed")  # 3 of at least 5 are more than half


def test_what_the_champion_cannot_answer_either_is_not_the_canary_s_fault(champion):
    canary = begun(champion, champion, share=1)

    def unanswerable(side):
        raise ConfigError("nobody knows")

    def without_store(side):
        raise StateError("the store is away")

    for ask, error in ((unanswerable, ConfigError), (without_store, StateError)):
        for _ in range(10):
            with pytest.raises(error):
                canary.answer(lambda: "u", champion, ask)
    assert canary.state().canary.requests == 0


def test_a_canary_that_ended_before_its_end_was_told_is_still_told_of(champion):
    canary = begun(champion, champion, share=1)
    canary.stand_off("2", "it failed", told=False)
    canary.end()
    assert canary.stopped.reason == "it failed"
    canary.stand_off("2", "it failed")
    canary.end()
    assert canary.state() is None


def test_lines_come_from_the_environment_and_out_of_range_is_refused():
    settings = read_settings({"SHOPLOOP_CANARY_SHARE": "0.05", "SHOPLOOP_CANARY_LINES": '{"max_errors": 0.02}'})
    assert (settings.canary_share, settings.canary_lines.max_errors) == (0.05, 0.02)
    for name, value in (("SHARE", "1.5"), ("LINES", '{"min_requests": 1}'), ("LINES", "many")):
        with pytest.raises(ConfigError, match="SHOPLOOP_"):
            read_settings({f"SHOPLOOP_CANARY_{name}": value})
