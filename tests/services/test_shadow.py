"""A shadow answers what the champion answered, unseen, and is compared: two real releases in one process."""

import shutil
import threading
import time
from copy import copy
from dataclasses import replace

import numpy as np
import pytest

from components.release.assemble import assemble
from components.release.release import Question
from services.desk import Desk
from services.messages import RecommendRequest
from services.release_cache import serving
from services.settings import Settings
from services.shadow import Asked, Compared, Shadow, compare, summary
from services.state import State

USERS = [f"u{n:02}" for n in range(20)]


@pytest.fixture(scope="module")
def champion(trained_shop, tmp_path_factory):
    root = shutil.copytree(trained_shop, tmp_path_factory.mktemp("shadow") / "shop")
    return serving(assemble(root, "shop", {}), "1")


@pytest.fixture
def shadow():
    shadow = Shadow(share=1, room=100)
    yield shadow
    shadow.stop()


def ranked_by(champion, predict):
    """The champion's release with another ranker."""
    ranker = copy(champion.release.hybrid.ranker)
    ranker.predict = predict
    release = copy(champion.release)
    release.hybrid = replace(champion.release.hybrid, ranker=ranker)
    return replace(champion, release=release, version="2")


def asked(champion, user="u00"):
    question = Question(user_id=user)
    return Asked(question, champion.release.recommend(question), champion.release, 0.001)


def until(condition):
    for _ in range(300):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("not so within 15 s")


def test_a_release_agrees_with_itself_and_the_same_candidates_in_another_order_agree_less(champion):
    same = compare(asked(champion), champion.release)
    assert (same.overlap, same.rank_biased_overlap) == (1, pytest.approx(1))
    model = champion.release.hybrid.ranker
    backwards = ranked_by(champion, lambda features: -model.predict(features))
    assert compare(asked(champion), backwards.release).rank_biased_overlap < 1


def test_answers_stay_the_same_while_a_shadow_that_fails_counts_its_errors(champion, shadow, tmp_path):
    desk = Desk(Settings(), State(tmp_path))
    desk.check(champion.release)
    before = [desk.recommend(RecommendRequest(user_id=user), champion).items for user in USERS]
    desk.on_answer = shadow.offer
    shadow.begin(ranked_by(champion, lambda features: np.full(len(features), np.nan, np.float32)), champion)
    assert [desk.recommend(RecommendRequest(user_id=user), champion).items for user in USERS] == before
    until(lambda: shadow.state().answers == len(USERS))
    until(lambda: shadow.state().errors == len(USERS))
    assert "NaN" in shadow.state().reason
    assert shadow.state().overlap is None


def test_a_shadow_equal_to_the_champion_is_told_to_agree(champion, shadow):
    shadow.begin(replace(champion, version="2"), champion)
    for user in USERS:
        given = asked(champion, user)
        shadow.offer(given.question, given.answer, given.release, 0.25)
    until(lambda: shadow.state().answers == len(USERS) and shadow.state().overlap is not None)
    state = shadow.state()
    assert (state.version, state.state, state.errors, state.overlap) == ("2", "running", 0, 1)
    assert state.champion_p50_ms == state.champion_p99_ms == 250


def test_what_finds_no_room_is_left_out_and_nobody_waits(champion):
    go_on, model = threading.Event(), champion.release.hybrid.ranker
    slow = ranked_by(champion, lambda features: go_on.wait(30) and model.predict(features))
    shadow = Shadow(share=1, room=2)
    shadow.begin(slow, champion)
    given = asked(champion)
    shadow.offer(given.question, given.answer, given.release, 0.001)
    until(lambda: shadow.state().answers == 1)  # it thinks about the first
    for _ in range(5):
        shadow.offer(given.question, given.answer, given.release, 0.001)
    assert shadow.state().left_out == 3
    go_on.set()
    until(lambda: shadow.state().answers == 3)
    shadow.stop()


def test_another_champion_s_answers_are_not_compared(champion, shadow):
    shadow.begin(replace(champion, version="2"), champion)
    given = asked(champion)
    shadow.offer(given.question, given.answer, copy(given.release), 0.001)
    assert shadow._waiting.empty()


def test_the_summary_is_means_and_nearest_ranks():
    found = summary([Compared(1.0, 0.5, n / 1000, 0.002) for n in range(1, 101)] + [Compared(0.0, 0.5, 0.2, 0.002)])
    assert found["overlap"] == pytest.approx(100 / 101)
    assert (found["rank_biased_overlap"], found["p50_ms"], found["p99_ms"]) == (0.5, 51, 100)
