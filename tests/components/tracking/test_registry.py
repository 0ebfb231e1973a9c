"""Promotion, rollback and refusal against a real MLflow on SQLite."""

import pytest

from components.core import bundle
from components.core.errors import ReleaseError
from components.tracking import registry as r
from components.tracking.registry import CHAMPION, GATE_TAG, PASSED, ModelRegistry, Move
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
    return registry.register(release(folder).as_uri(), run_id, {GATE_TAG: gate, "digest": folder.name}).version


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
    assert registry.find("digest", "a").version == "1"
    assert registry.find("digest", "it's not there") is None


def test_reigns_takes_in_a_champion_set_by_hand():
    moves = [Move("1", r.PROMOTED, "1", None, "x", ""), Move("2", r.PROMOTED, "3", "2", "x", "")]
    assert r.reigns(moves) == ["1", "2", "3"]
