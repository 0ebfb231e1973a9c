"""Promotion, rollback and refusal against a real MLflow on SQLite."""

import pytest

from components.core import bundle
from components.core.errors import RegistryError, ReleaseError
from components.release.load import load
from components.tracking import registry as r
from components.tracking.registry import CHAMPION, DIGEST_TAG, GATE_TAG, PASSED, ModelRegistry, Move
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
    return ModelRegistry(name=request.node.name, root=root)


def release(folder, words="a release"):
    folder.mkdir()
    bundle.write_text(folder / "release.txt", words)
    bundle.seal(folder, {})
    return folder


def registered(registry, folder, run_id, gate=PASSED):
    digest = bundle.digest(release(folder, folder.name))
    tags = {GATE_TAG: gate, DIGEST_TAG: digest, "name": folder.name}
    return registry.register(folder.as_uri(), run_id, tags).version


def test_promote_and_roll_back_walk_the_line_of_champions(registry, tmp_path, run_id):
    one, two, three = (registered(registry, tmp_path / name, run_id) for name in "abc")
    for version in (one, two, three):
        registry.promote(version, by="ann", reason="better")
    assert registry.at_alias(CHAMPION).version == three
    assert registry.rollback(by="ann", reason="returns rose").version == two
    assert registry.rollback(by="ann", reason="still").version == one
    assert registry.at_alias(CHAMPION).version == one
    with pytest.raises(ReleaseError, match="no earlier champion"):
        registry.rollback(by="ann", reason="again")
    assert [m.action for m in registry.history] == [r.PROMOTED] * 3 + [r.ROLLED_BACK] * 2


def test_a_version_that_reigned_twice_is_rolled_back_through_both_reigns(registry, tmp_path, run_id):
    one, two, three = (registered(registry, tmp_path / name, run_id) for name in "abc")
    for version in (one, two, one, three):
        registry.promote(version, by="ann", reason="better")
    assert [registry.rollback(by="ann", reason="worse").version for _ in range(3)] == [one, two, one]


def test_a_blank_reason_and_the_present_champion_move_nothing(registry, tmp_path, run_id):
    version = registered(registry, tmp_path / "a", run_id)
    with pytest.raises(ReleaseError, match="the reason is blank"):
        registry.promote(version, by="ann", reason="  ")
    registry.promote(version, by="ann", reason="first")
    with pytest.raises(ReleaseError, match="release 1: is champion already"):
        registry.promote(version, by="ann", reason="again")
    with pytest.raises(ReleaseError, match="the reason is blank"):
        registry.rollback(by="ann", reason="")
    assert [move.reason for move in registry.history] == ["first"]


def test_files_resealed_after_registration_are_refused(registry, tmp_path, run_id):
    version = registered(registry, tmp_path / "a", run_id)
    bundle.write_text(tmp_path / "a" / "release.txt", "another release")
    bundle.seal(tmp_path / "a", {})
    with pytest.raises(ReleaseError, match="not those that were registered"):
        registry.promote(version, by="ann", reason="hope")


def test_what_the_service_would_refuse_is_not_promoted(registry, tmp_path, run_id):
    version = registered(registry, tmp_path / "a", run_id)
    with pytest.raises(ReleaseError, match="the release cannot be used"):
        registry.promote(version, by="ann", reason="hope", check=load)
    assert registry.at_alias(CHAMPION) is None


def test_an_mlflow_that_is_away_is_said_in_one_line_with_a_remedy():
    with pytest.raises(RegistryError, match=r"MLflow at http://127\.0\.0\.1:9 did not answer.*make up") as caught:
        ModelRegistry("http://127.0.0.1:9").promote("1", by="ann", reason="hope")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_champion_moved_by_hand_is_rolled_back_to_the_last_promoted(registry, tmp_path, run_id):
    one, two = (registered(registry, tmp_path / name, run_id) for name in "ab")
    registry.promote(one, by="ann", reason="first")
    registry.set_alias(CHAMPION, two)
    assert registry.rollback(by="ann", reason="wrong click").version == one


def test_a_version_that_failed_its_gate_is_refused(registry, tmp_path, run_id):
    version = registered(registry, tmp_path / "a", run_id, gate="failed: NDCG@10 fell")
    with pytest.raises(ReleaseError, match="NDCG@10 fell"):
        registry.promote(version, by="ann", reason="hope")
    assert registry.at_alias(CHAMPION) is None


def test_an_altered_release_is_refused(registry, tmp_path, run_id):
    version = registered(registry, tmp_path / "a b", run_id)
    (tmp_path / "a b" / "release.txt").write_text("another release")
    with pytest.raises(ReleaseError, match="altered"):
        registry.promote(version, by="ann", reason="hope")


def test_an_unknown_version_names_the_known_ones(registry, tmp_path, run_id):
    registered(registry, tmp_path / "a", run_id)
    with pytest.raises(ReleaseError, match="known: 1"):
        registry.promote("7", by="ann", reason="typo")


def test_find_gives_the_newest_version_with_a_tag(registry, tmp_path, run_id):
    registered(registry, tmp_path / "a", run_id)
    assert registry.find("name", "a").version == "1"
    assert registry.find("name", "it's not there") is None


def test_reigns_takes_in_a_champion_set_by_hand():
    moves = [Move("1", r.PROMOTED, "1", None, "x", ""), Move("2", r.PROMOTED, "3", "2", "x", "")]
    assert r.reigns(moves) == ["1", "2", "3"]
