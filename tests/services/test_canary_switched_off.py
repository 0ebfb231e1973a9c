"""A real service, a real registry: a canary that fails at every real answer is switched off; a shadow is compared."""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import bundle, layout, schema
from components.promotion.history import CANARY_OFF, ROLLED_BACK, WITHDRAWN, History, trouble
from components.promotion.promotions import ANCHOR_NOTE, APPROVED_BY, Promotions, canary_off
from components.tracking.registry import (
    CANARY,
    CHALLENGER,
    CHAMPION,
    DIGEST_TAG,
    GATE_TAG,
    PASSED,
    SHADOW,
    ModelRegistry,
)
from components.tracking.runs import tracked
from services.alongside import Alongside
from services.canary import Canary
from services.desk import Desk
from services.release_watcher import ReleaseWatcher
from services.settings import Settings
from services.shadow import Shadow
from services.state import State

pytestmark = pytest.mark.slow
NOTICED_WITHIN_S = 30
USERS = [f"u{n:02}" for n in range(48)]
SETTINGS = {"SHOPLOOP_CANARY_SHARE": "0.5", "SHOPLOOP_CANARY_LINES": '{"min_requests": 20, "max_errors": 0.2}'}


@pytest.fixture(scope="module")
def registry(project):
    return ModelRegistry(root=project)


@pytest.fixture(scope="module")
def candidates(project, registry):
    """Copies of the champion: one whose titles are numbers (golden answers name none, answers must), one sound."""
    folder = project / "candidate" / "release"
    shutil.copytree(project / layout.RELEASE, folder)
    table = pq.read_table(folder / "catalogue.parquet")
    column = table.column_names.index(schema.TITLE)
    sound = table.set_column(column, schema.TITLE, pa.array([f"new {n}" for n in range(len(table))]))
    broken = table.set_column(column, schema.TITLE, pa.array(range(len(table))))
    return [_registered(project, registry, folder, catalogue) for catalogue in (broken, sound)]


def _registered(project, registry, folder, catalogue):
    pq.write_table(catalogue, folder / "catalogue.parquet")
    bundle.seal(folder, {})
    with tracked("release", root=project) as run:
        tags = {GATE_TAG: PASSED, DIGEST_TAG: bundle.digest(folder)}
        return registry.register(run.artifact(folder), run.run_id, tags).version


@pytest.fixture(scope="module")
def service(start, project, candidates, tmp_path_factory):
    with start(tmp_path_factory.mktemp("canary"), SHOPLOOP_ROOT=str(project), **SETTINGS) as service:
        yield service


@pytest.fixture(scope="module")
def other_worker(project, tmp_path_factory):
    """What follows the aliases in another process of the same project: it never has a request of its own."""
    settings = Settings(root=project, state=tmp_path_factory.mktemp("other"), canary_share=0.5, poll_s=0.2)
    desk, canary = Desk(settings, State(settings.state)), Canary(settings.canary_share, settings.canary_lines)
    watcher = ReleaseWatcher(settings, desk.check, lambda: None)
    alongside = Alongside(settings, watcher, desk.check, canary, Shadow(share=0, room=1))
    watcher.start()
    alongside.start()
    yield canary, watcher
    alongside.stop()
    watcher.stop()


def canary_is(service, state, version):
    def told():
        canary = service.get("/health").json()["canary"]
        return canary is not None and (canary["state"], canary["version"]) == (state, version)

    return told


def test_a_release_that_nobody_pointed_at_answers_nobody(service, registry, candidates, other_worker):
    registry.set_alias(CHALLENGER, candidates[1])  # as `register` does every night
    canary, watcher = other_worker
    service.wait_until(lambda: watcher.prepared is not None, NOTICED_WITHIN_S)
    service.wait_until(lambda: f"challenger {candidates[1]} is ready" in service.log.read_text(), NOTICED_WITHIN_S)
    assert (watcher.prepared.candidate.version, canary.trial) == (candidates[1], None)
    assert service.get("/health").json()["canary"] is None
    assert {service.recommend(user_id=user)["version"] for user in USERS} == {"1"}


def test_a_canary_that_raises_is_switched_off_nobody_saw_an_error_and_the_history_says_who_and_why(
    service, registry, project, candidates, other_worker
):
    (broken, _), (other, _) = candidates, other_worker
    Promotions.of(project).point(CANARY, broken, by="ann", reason="try it on half the users")
    service.wait_until(canary_is(service, "running", broken), NOTICED_WITHIN_S)
    service.wait_until(lambda: other.trial is not None, NOTICED_WITHIN_S)
    answers = [service.post("/recommend", user_id=user) for user in USERS]
    assert {(a.status_code, a.json()["version"], len(a.json()["items"])) for a in answers} == {(200, "1", 10)}
    service.wait_until(canary_is(service, "switched off", broken), NOTICED_WITHIN_S)
    service.wait_until(lambda: canary_off(registry.version(broken)), NOTICED_WITHIN_S)
    service.wait_until(lambda: other.trial is None, NOTICED_WITHIN_S)

    health = service.get("/health").json()
    assert other.state().reason == health["canary"]["reason"]
    assert (health["status"], health["version"], health["canary"]["share"]) == ("degraded", "1", 0)
    assert "5 of 5 answers failed" in health["canary"]["reason"]  # a quarter of 20 is more than a fifth
    entries = History(project).entries()
    assert [entry.action for entry in entries].count(CANARY_OFF) == 1
    assert (entries[-1].action, entries[-1].by, entries[-1].version) == (CANARY_OFF, "service", broken)
    assert entries[-1].reason == health["canary"]["reason"]
    assert trouble(entries, registry.standing().notes[ANCHOR_NOTE]) is None
    assert registry.aliases()[CHAMPION] == entries[-1].champion == "1"
    assert "shoploop_canary_switched_off 1.0" in service.get("/metrics").text


def test_it_stays_off_and_a_sound_one_moved_in_mlflow_takes_its_share_always_of_the_same_users(
    service, registry, project, candidates
):
    broken, sound = candidates
    assert canary_is(service, "switched off", broken)()
    registry.tag(sound, APPROVED_BY, "bob")
    registry.set_alias(CANARY, sound)
    service.wait_until(canary_is(service, "running", sound), NOTICED_WITHIN_S)
    sides = {user: {service.recommend(user_id=user)["version"] for _ in range(2)} for user in USERS}
    assert {tuple(side) for side in sides.values()} == {("1",), (sound,)}
    health = service.get("/health").json()
    assert (health["status"], health["canary"]["canary"]["errors"]) == ("ok", 0)
    last = History(project).last()
    assert (last.action, last.by, last.version, last.champion) == (CANARY, "bob", sound, "1")
    found = [health["canary"][side]["requests"] for side in ("canary", "champion")]
    assert sum(found) == 2 * len(USERS)


def test_a_shadow_is_compared_with_the_champion_and_shown_to_nobody(service, registry, project, candidates):
    registry.clear_alias(CANARY)
    service.wait_until(lambda: service.get("/health").json()["canary"] is None, NOTICED_WITHIN_S)
    service.wait_until(lambda: History(project).last().action == WITHDRAWN, NOTICED_WITHIN_S)
    assert service.get("/release").json()["shadow"] is None
    Promotions.of(project).point(SHADOW, candidates[1], by="ann", reason="see how it differs")
    service.wait_until(lambda: service.get("/release").json()["shadow"], NOTICED_WITHIN_S)
    assert {service.recommend(user_id=user)["version"] for user in USERS} == {"1"}
    service.wait_until(lambda: service.get("/release").json()["shadow"]["answers"] == len(USERS), NOTICED_WITHIN_S)
    shadow = service.get("/release").json()["shadow"]
    assert (shadow["version"], shadow["errors"], shadow["left_out"]) == (candidates[1], 0, 0)
    assert shadow["overlap"] == pytest.approx(1)  # other titles, the same recommendations
    assert shadow["rank_biased_overlap"] == pytest.approx(1)
    assert f'shoploop_shadow_questions_total{{end="compared"}} {len(USERS)}.0' in service.get("/metrics").text


def champion_is(service, state):
    def told():
        champion = service.get("/health").json()["champion"]
        return champion is not None and champion["state"] == state

    return told


def test_a_promoted_champion_that_raises_goes_back_once_nobody_saw_an_error_and_the_history_says_why(
    service, registry, project, candidates
):
    broken = candidates[0]
    Promotions.of(project).promote(broken, by="ann", reason="looked good on paper")
    service.wait_until(champion_is(service, "watched"), NOTICED_WITHIN_S)
    answers = [service.post("/recommend", user_id=user) for user in USERS]
    assert {(a.status_code, a.json()["version"], len(a.json()["items"])) for a in answers} == {(200, "1", 10)}
    service.wait_until(champion_is(service, "rolled back"), NOTICED_WITHIN_S)
    service.wait_until(lambda: service.get("/release").json()["version"] == "1", NOTICED_WITHIN_S)
    last = History(project).last()
    assert (last.action, last.by, last.version, last.previous) == (ROLLED_BACK, "service", "1", broken)
    assert "answers failed, its predecessor's 0 of" in last.reason
    assert registry.aliases()[CHAMPION] == "1"
    assert trouble(History(project).entries(), registry.standing().notes[ANCHOR_NOTE]) is None
    assert {service.recommend(user_id=user)["version"] for user in USERS} == {"1"}
    health = service.get("/health").json()
    assert (health["status"], health["champion"]["version"], health["champion"]["before"]) == ("degraded", broken, "1")
    assert History(project).last() == last  # what was gone back to is not watched: nothing goes to and fro
    assert "shoploop_champions_rolled_back_total 1.0" in service.get("/metrics").text
