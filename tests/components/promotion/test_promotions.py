"""Promotion, rollback and what is done by hand, against a real MLflow on SQLite."""

import json
import sqlite3
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from components.commands.promote import promote
from components.core import bundle
from components.core.errors import RegistryError, ReleaseError
from components.promotion import history as h
from components.promotion.history import History, trouble
from components.promotion.promotions import (
    ANCHOR_NOTE,
    APPROVED_BY,
    BY_HAND,
    ENTRY_TAG,
    REFUSED_TAG,
    Promotions,
    canary_off,
)
from components.promotion.standing import changed_since, disagreement
from components.release.load import load
from components.tracking.registry import (
    CANARY,
    CHAMPION,
    DIGEST_TAG,
    GATE_TAG,
    JUDGED_TAG,
    NOBODY,
    ORDER_TAG,
    PASSED,
    SHADOW,
    ModelRegistry,
)
from components.tracking.runs import tracked


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def run_id(root):
    with tracked("release", root=root) as run:
        return run.run_id


@pytest.fixture
def registry(root, run_id, request):
    """An empty registry of its own in the shared database."""
    return ModelRegistry(name=request.node.name[:60], root=root)


@pytest.fixture
def promotions(registry, tmp_path):
    return Promotions(registry, History(tmp_path))


@pytest.fixture
def add(registry, tmp_path, run_id):
    return adder(registry, tmp_path, run_id)


def adder(registry, tmp_path, run_id):
    """Registers small sound versions."""

    def add(name, gate=PASSED, **tags):
        folder = tmp_path / name
        folder.mkdir()
        bundle.write_text(folder / "release.txt", name)
        bundle.seal(folder, {})
        tags = {GATE_TAG: gate, DIGEST_TAG: bundle.digest(folder)} | tags
        return registry.register(folder.as_uri(), run_id, tags).version

    return add


def actions(promotions):
    return [(e.action, e.version) for e in promotions.history.entries()]


def test_promote_and_roll_back_walk_the_line_of_champions(promotions, registry, add):
    one, two, three = (add(name) for name in "abc")
    for version in (one, two, three):
        promotions.promote(version, by="ann", reason="better")
    assert registry.aliases()[CHAMPION] == three
    assert promotions.rollback(by="ann", reason="returns rose").version == two
    assert promotions.rollback(by="ann", reason="still").version == one
    assert registry.aliases()[CHAMPION] == one
    with pytest.raises(ReleaseError, match="no earlier champion"):
        promotions.rollback(by="ann", reason="again")
    entries = promotions.history.entries()
    assert [e.action for e in entries] == [h.PROMOTED] * 3 + [h.ROLLED_BACK] * 2
    assert [e.previous for e in entries] == [None, one, two, three, two]
    assert trouble(entries, registry.standing().notes[ANCHOR_NOTE]) is None
    assert str(entries[-1]) == "champion is version 1 (rolled back by ann, before it 2)"


def test_a_rollback_of_another_champion_or_to_another_predecessor_than_meant_moves_nothing(promotions, registry, add):
    one, two, three = (add(name) for name in "abc")
    for version in (one, two, three):
        promotions.promote(version, by="ann", reason="better")
    with pytest.raises(ReleaseError, match=f"replace version {two}, but champion is version {three}"):
        promotions.rollback(by="service", reason="it failed", expected=two, to=one)
    with pytest.raises(ReleaseError, match=f"the champion before is version {two}, not {one}"):
        promotions.rollback(by="service", reason="it failed", expected=three, to=one)
    assert (registry.aliases()[CHAMPION], len(promotions.history.entries())) == (three, 3)
    assert promotions.rollback(by="service", reason="it failed", expected=three, to=two).version == two


def test_a_promotion_on_an_outdated_view_of_the_champion_is_refused(promotions, add):
    one, two, three = (add(name) for name in "abc")
    promotions.promote(one, by="ann", reason="first", expected=None)
    promotions.promote(two, by="ann", reason="better", expected=one)
    with pytest.raises(ReleaseError, match=r"to replace version 1, but champion is version 2 \(promoted by ann"):
        promotions.promote(three, by="bob", reason="best", expected=one)
    promotions.point(CANARY, three, by="ann", reason="try it")
    with pytest.raises(ReleaseError, match=r"to replace version 1, but champion is version 2; nothing"):
        promotions.promote(three, by="bob", reason="best", expected=one)
    assert promotions.history.champion() == two


def test_a_blank_reason_and_the_present_champion_move_nothing(promotions, add):
    version = add("a")
    with pytest.raises(ReleaseError, match="the reason is blank"):
        promotions.promote(version, by="ann", reason="  ")
    promotions.promote(version, by="ann", reason="first")
    with pytest.raises(ReleaseError, match="release 1: is champion already"):
        promotions.promote(version, by="ann", reason="again")
    assert actions(promotions) == [(h.PROMOTED, "1")]


def test_a_reason_stays_on_one_line_so_that_it_cannot_look_like_an_entry_of_its_own(promotions, add):
    forged = "fine\n   2  2026-01-01T00:00:00Z  champion is version 9 (promoted by boss)\x1b[1A\u202e"
    entry = promotions.promote(add("a"), by="an\x07n\r", reason=forged)
    assert entry.by == "ann"
    assert entry.reason == "fine 2 2026-01-01T00:00:00Z champion is version 9 (promoted by boss)[1A"
    with pytest.raises(ReleaseError, match="the reason is blank"):
        promotions.promote(add("b"), by="ann", reason="\u200b\x1b")
    judged = add("c", **{JUDGED_TAG: entry.version})
    long = promotions.promote(judged, by="ann", reason="说明" * 400).reason
    assert (len(long), long[-1]) == (h.LONGEST_WORDS, "…")


@pytest.mark.parametrize("reseal", [True, False])
def test_files_that_are_not_those_registered_are_refused(promotions, add, tmp_path, reseal):
    version = add("a b")
    bundle.write_text(tmp_path / "a b" / "release.txt", "another release")
    if reseal:
        bundle.seal(tmp_path / "a b", {})
    with pytest.raises(ReleaseError, match="not those that were registered" if reseal else "altered"):
        promotions.promote(version, by="ann", reason="hope")
    assert not promotions.history.entries()


def test_what_the_service_would_refuse_is_not_promoted(promotions, registry, add):
    with pytest.raises(ReleaseError, match="the release cannot be used"):
        promotions.promote(add("a"), by="ann", reason="hope", check=load)
    assert registry.at_alias(CHAMPION) is None


@pytest.mark.parametrize(
    "tags", [{"gate": "failed: NDCG@10 fell"}, {"gate.slices": "failed: NDCG@10 fell"}, {"gate": ""}]
)
def test_a_version_that_failed_a_gate_is_refused(promotions, registry, add, tags):
    version = add("a", **tags)
    with pytest.raises(ReleaseError, match="gate was not passed"):
        promotions.promote(version, by="ann", reason="hope")
    assert registry.at_alias(CHAMPION) is None


@pytest.fixture
def judged(promotions, add):
    """Version 2, judged against 1, is champion; 3 was judged against 1 too, 4 against nobody."""
    versions = [add("a", **{JUDGED_TAG: NOBODY}), *(add(name, **{JUDGED_TAG: "1"}) for name in "bc")]
    for version in versions[:2]:
        assert promotions.promote(version, by="ann", reason="better").note == ""
    return [*versions, add("d", **{JUDGED_TAG: NOBODY})]


@pytest.mark.parametrize(("at", "whom"), [(2, "version 1"), (3, "no champion")])
def test_gates_against_another_champion_replace_nobody(promotions, registry, judged, at, whom):
    words = f"release {judged[at]}: its gates held it against {whom}, and version 2 is champion now. `make run` judges"
    before = actions(promotions)
    with pytest.raises(ReleaseError, match=words):
        promotions.promote(judged[at], by="ann", reason="better")
    assert actions(promotions) == before
    registry.set_alias(CHAMPION, judged[at])
    with pytest.raises(ReleaseError, match=words):  # a service that did not look before
        promotions.take_up(registry.version(judged[at]), None)
    refused = promotions.look()
    assert (refused.action, refused.champion, registry.aliases()[CHAMPION]) == (h.REFUSED, "2", "2")
    assert words in registry.version(judged[at]).tags[REFUSED_TAG]


def test_who_names_the_champion_that_is_replaced_may_do_without_and_the_history_says_so(promotions, judged):
    entry = promotions.promote(judged[2], by="ann", reason="2 counts double", expected="2")
    assert entry.note == "its gates held it against version 1, not against version 2"
    assert promotions.history.last().note == entry.note
    with pytest.raises(ReleaseError, match="its gates held it against no champion"):
        promotions.promote(judged[3], by="ann", reason="better")


def test_a_former_champion_comes_back_by_one_command_or_by_hand_and_what_its_gates_do_not_say_is_noted(
    promotions, registry, judged
):
    assert promotions.rollback(by="ann", reason="worse").champion == "1"
    note = "champion before; its gates did not hold it against version {}"
    assert promotions.promote("2", by="ann", reason="not worse after all").note == ""  # it was judged against 1
    back = promotions.promote("1", by="ann", reason="w" * h.LONGEST_WORDS)
    assert (back.note, len(back.reason)) == (note.format(2), h.LONGEST_WORDS)
    promotions.promote("3", by="ann", reason="better")
    registry.set_alias(CHAMPION, "2")
    assert (promotions.look().action, promotions.history.last().note) == (h.TAKEN_UP, note.format(3))
    assert trouble(promotions.history.entries(), registry.standing().notes[ANCHOR_NOTE]) is None


def test_a_version_with_the_champion_s_own_models_may_replace_it_whoever_they_were_judged_against(promotions, add):
    one, two = (add(name, **{JUDGED_TAG: NOBODY, ORDER_TAG: "same"}) for name in "ab")
    promotions.promote(one, by="ann", reason="first")
    assert promotions.promote(two, by="ann", reason="no petrol in lists").note == ""
    other = add("c", **{JUDGED_TAG: NOBODY, ORDER_TAG: "other"})
    with pytest.raises(ReleaseError, match="held it against no champion"):
        promotions.promote(other, by="ann", reason="better")


def test_a_champion_that_was_deleted_in_mlflow_can_be_replaced_by_what_was_judged_against_it(promotions, registry, add):
    one = add("a")
    promotions.promote(one, by="ann", reason="first")
    registry.client.delete_model_version(registry.name, one)
    assert promotions.promote(add("b", **{JUDGED_TAG: one}), by="ann", reason="better").champion == "2"


def test_where_nothing_says_whom_a_version_was_judged_against_the_history_says_so(promotions, add):
    one, two = add("a"), add("b")
    assert promotions.promote(one, by="ann", reason="first").note == ""
    note = f"no tag {JUDGED_TAG}: nothing says that its gates held it against version {one}"
    assert promotions.promote(two, by="ann", reason="better").reason == f"better – note: {note}"


def test_whom_it_was_judged_against_cannot_be_changed_unnoticed(promotions, registry, judged):
    registry.tag("2", JUDGED_TAG, "7")
    changed = changed_since(promotions.history.entries(), {v.version: v for v in registry.versions()})
    assert changed == ["version 2: its gates say something else than when it was promoted"]


def test_an_alias_moved_by_hand_is_taken_up_with_the_name_that_stands_on_the_version(promotions, registry, add):
    one = add("a")
    two = add("b", approved_by="bob", approval_reason="the A/B test is won", **{JUDGED_TAG: one})
    promotions.promote(one, by="ann", reason="first")
    registry.set_alias(CHAMPION, two)
    taken = promotions.look()
    assert (taken.action, taken.by, taken.reason, taken.champion) == (h.TAKEN_UP, "bob", "the A/B test is won", two)
    assert promotions.look() is None
    assert promotions.rollback(by="ann", reason="wrong click").version == one


def test_an_alias_moved_by_hand_to_a_failed_version_goes_back_with_a_reason_anybody_can_read(promotions, registry, add):
    one, two = add("a"), add("b", gate="failed: slices")
    promotions.promote(one, by="ann", reason="first")
    registry.set_alias(CHAMPION, two)
    assert promotions.look().action == h.REFUSED
    assert registry.aliases()[CHAMPION] == one
    assert "the gate was not passed (it says 'failed: slices')" in registry.version(two).tags[REFUSED_TAG]
    assert promotions.history.champion() == one


def test_nobody_builds_on_a_move_by_hand_that_was_refused(promotions, registry, add):
    one, two, bad = add("a"), add("b"), add("c", gate="failed: slices")
    promotions.promote(one, by="ann", reason="first")
    promotions.promote(two, by="ann", reason="second")
    registry.set_alias(CHAMPION, bad)
    with pytest.raises(ReleaseError, match="was moved back to 2"):
        promotions.rollback(by="ann", reason="it is bad")
    assert registry.aliases()[CHAMPION] == two


def test_who_is_killed_after_moving_the_alias_has_still_promoted(promotions, registry, add, tmp_path):
    one, two = add("a"), add("b")
    promotions.promote(one, by="ann", reason="first")
    last = promotions.history.last()
    with pytest.raises(KeyboardInterrupt), promotions.history.writing() as writer:  # noqa: PT012 - killed in between
        lost = promotions._write(writer, registry.version(two), h.PROMOTED, "bob", "better", two, CHAMPION)
        raise KeyboardInterrupt
    assert promotions.history.last() == last
    found = promotions.look()
    assert found == lost
    assert json.loads(registry.version(two).tags[ENTRY_TAG]) == asdict(found)


@pytest.mark.parametrize(("minutes", "by"), [(9, "dave"), (11, BY_HAND)])
def test_who_was_killed_long_ago_did_not_move_it(promotions, registry, add, minutes, by):
    one, two = add("a"), add("b")
    promotions.promote(one, by="ann", reason="first")
    with pytest.raises(KeyboardInterrupt), promotions.history.writing() as writer:  # noqa: PT012 - killed in between
        promotions._write(writer, registry.version(two), h.PROMOTED, "dave", "better", two, None)
        raise KeyboardInterrupt
    registry.set_alias(CHAMPION, two)
    later = datetime.now(UTC) + timedelta(minutes=minutes)
    assert Promotions(registry, promotions.history, lambda: later).look().by == by


def test_who_gave_a_name_after_somebody_was_killed_is_the_one_who_moved_the_alias(promotions, registry, add):
    one, two = add("a"), add("b", approved_by="bob")
    promotions.promote(one, by="ann", reason="first")
    with pytest.raises(RuntimeError), pytest.MonkeyPatch.context() as patch:  # noqa: PT012 - killed in between
        patch.setattr(registry, "set_alias", killed)
        promotions.promote(two, by="dave", reason="better")
    assert ENTRY_TAG in registry.version(two).tags
    assert APPROVED_BY not in registry.version(two).tags  # dave's move used bob's word up
    registry.tag(two, APPROVED_BY, "erin")
    registry.set_alias(CHAMPION, two)
    assert promotions.look().by == "erin"


def killed(*_):
    raise RuntimeError("as if by SIGKILL: nothing is tidied up")


def test_another_history_than_the_registrys_is_not_continued(promotions, registry, add, tmp_path):
    one, two, three = (add(name) for name in "abc")
    promotions.promote(one, by="ann", reason="first")
    promotions.promote(two, by="ann", reason="second")
    elsewhere = Promotions(registry, History(tmp_path / "elsewhere"))
    with pytest.raises(ReleaseError, match="not the history that the registry"):
        elsewhere.promote(three, by="bob", reason="better", expected=None)
    with pytest.raises(ReleaseError, match="not the history that the registry"):
        elsewhere.look()
    assert registry.aliases()[CHAMPION] == two


def test_a_shadow_needs_no_gates_and_leaves_the_champion(promotions, registry, add):
    one, bad = add("a"), add("b", gate="failed: slices")
    promotions.promote(one, by="ann", reason="first")
    entry = promotions.point(SHADOW, bad, by="ann", reason="to see what it would do")
    assert registry.aliases() == {CHAMPION: one, SHADOW: bad}
    assert str(entry) == "version 2: shadow (by ann); champion stays 1"
    with pytest.raises(ReleaseError, match="gate was not passed"):
        promotions.point("challenger", bad, by="ann", reason="hope")


def test_gates_changed_after_the_promotion_are_noticed(promotions, registry, add):
    one = add("a")
    promotions.promote(one, by="ann", reason="first")
    versions = {one: registry.version(one)}
    assert changed_since(promotions.history.entries(), versions) == []
    registry.tag(one, "gate.coverage", "passed: everything")
    versions = {one: registry.version(one)}
    assert "gates say something else" in changed_since(promotions.history.entries(), versions)[0]


def test_the_reconciler_names_all_three_where_one_differs():
    assert disagreement("2", "2", "2") is None
    assert disagreement("3", "2", None) == (
        "champion in doubt: the registry's alias says 3; the history says 2; the service says none"
    )


def test_sqlite_says_so_when_others_write_too_long(promotions, add, monkeypatch):
    monkeypatch.setattr(h, "WAIT_S", 0.1)
    version = add("a")
    with promotions.history.writing(), pytest.raises(ReleaseError, match="somebody else is promoting"):
        promotions.promote(version, by="ann", reason="first", expected=None)
    assert sqlite3.connect(promotions.history.path).execute("select count(*) from history").fetchone() == (0,)


def test_a_canary_that_a_service_switched_off_stays_off_until_a_person_points_at_it_again(promotions, registry, add):
    one, two = add("a"), add("b")
    promotions.promote(one, by="ann", reason="first")
    promotions.point(CANARY, two, by="ann", reason="try it")
    assert canary_off(registry.version(two)) is None
    entry = promotions.switch_off_canary(registry.version(two), "2 of 2 answers failed")
    assert (entry.action, entry.by, entry.version, entry.champion) == (h.CANARY_OFF, "service", two, one)
    assert canary_off(registry.version(two)) == "2 of 2 answers failed"
    assert promotions.switch_off_canary(registry.version(two), "another worker, the same canary") is None
    promotions.point(CANARY, two, by="ann", reason="the feed was broken, not the version")
    assert canary_off(registry.version(two)) is None
    assert actions(promotions) == [(h.PROMOTED, one), (CANARY, two), (h.CANARY_OFF, two), (CANARY, two)]
    assert trouble(promotions.history.entries(), registry.standing().notes[ANCHOR_NOTE]) is None
    assert promotions.history.champion() == registry.aliases()[CHAMPION] == one


def test_the_command_says_why_a_version_had_been_switched_off_as_canary(root, run_id, tmp_path, monkeypatch):
    monkeypatch.chdir(root)
    add = adder(ModelRegistry(), tmp_path, run_id)
    one, two = add("a"), add("b")
    promotions = Promotions.of(Path())
    promotions.promote(one, by="ann", reason="first")
    promotions.point(CANARY, two, by="ann", reason="try it")
    promotions.switch_off_canary(promotions.registry.version(two), "2 of 2 answers failed")
    asked = [two, "--reason", "the feed was broken", "--by", "ann", "--as", "canary"]
    first, again = (CliRunner().invoke(promote, asked) for _ in range(2))
    assert (first.exit_code, again.exit_code) == (0, 0), first.output
    assert first.stderr == "note: as canary it had been switched off: 2 of 2 answers failed\n"
    assert again.stderr == ""


def on_trial(promotions):
    return h.on_trial(promotions.history.entries())


def test_a_version_is_on_trial_from_a_person_s_word_until_it_is_champion_switched_off_or_withdrawn(promotions, add):
    one, two, three = (add(name) for name in "abc")
    promotions.promote(one, by="ann", reason="first")
    assert on_trial(promotions) is None
    promotions.point(CANARY, two, by="ann", reason="try it")
    promotions.point(SHADOW, three, by="ann", reason="look at it")
    assert on_trial(promotions) == two
    promotions.point(CANARY, three, by="ann", reason="better")
    assert on_trial(promotions) == three
    promotions.switch_off_canary(promotions.registry.version(three), "it failed")
    assert on_trial(promotions) is None
    promotions.point(CANARY, three, by="ann", reason="again")
    assert on_trial(promotions) == three


def test_a_canary_that_became_champion_is_none_again_when_it_is_rolled_back(promotions, registry, add):
    one, two = add("a"), add("b")
    promotions.promote(one, by="ann", reason="first")
    promotions.point(CANARY, two, by="ann", reason="try it")
    promotions.promote(two, by="ann", reason="it did well")
    assert CANARY not in registry.aliases()
    promotions.rollback(by="ann", reason="it did not")
    assert (on_trial(promotions), registry.aliases()) == (None, {CHAMPION: one})


def test_a_canary_moved_in_mlflow_is_written_down_as_somebody_s_and_so_is_its_withdrawal(promotions, registry, add):
    one, two, bad = add("a"), add("b", approved_by="bob", approval_reason="one in ten"), add("c", gate="failed: slices")
    promotions.promote(one, by="ann", reason="first")
    registry.set_alias(CANARY, two)
    assert promotions.take_up_canary(registry.version(two)).by == "bob"
    assert promotions.take_up_canary(registry.version(two)) is None
    registry.clear_alias(CANARY)
    assert promotions.take_up_canary(None).action == h.WITHDRAWN
    assert promotions.take_up_canary(None) is None
    registry.set_alias(CANARY, two)
    assert promotions.take_up_canary(registry.version(two)).by == BY_HAND  # bob said it once
    registry.set_alias(CANARY, bad)
    with pytest.raises(ReleaseError, match="gate was not passed"):
        promotions.take_up_canary(registry.version(bad))
    assert on_trial(promotions) == two
    assert trouble(promotions.history.entries(), registry.standing().notes[ANCHOR_NOTE]) is None


def test_an_approval_in_mlflow_is_for_one_move(promotions, registry, add):
    one, two = add("a"), add("b", approved_by="bob", approval_reason="the test is won")
    promotions.promote(one, by="ann", reason="first")
    registry.set_alias(CHAMPION, two)
    assert promotions.look().by == "bob"
    promotions.rollback(by="ann", reason="returns rose")
    assert APPROVED_BY not in registry.version(two).tags
    registry.set_alias(CHAMPION, two)
    assert promotions.look().by == BY_HAND


def test_who_could_not_move_the_alias_did_not_promote_when_somebody_else_moves_it(
    promotions, registry, add, monkeypatch
):
    one, two = add("a"), add("b")
    promotions.promote(one, by="ann", reason="first")
    with monkeypatch.context() as away:
        away.setattr(registry.client, "set_registered_model_alias", _is_away)
        with pytest.raises(RegistryError):
            promotions.promote(two, by="dave", reason="better")
    registry.set_alias(CHAMPION, two)
    taken = promotions.look()
    assert (taken.action, taken.by) == (h.TAKEN_UP, BY_HAND)


def _is_away(*_):
    raise OSError("connection refused")
