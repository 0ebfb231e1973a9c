"""The way back of a champion that failed, in a real registry with a real history: once, and nobody else's decision."""

from types import SimpleNamespace

import pytest

from components.core import bundle
from components.core.errors import ReleaseError
from components.promotion.history import ROLLED_BACK, History, trouble
from components.promotion.promotions import ANCHOR_NOTE, Promotions
from components.tracking.registry import CHAMPION, DIGEST_TAG, GATE_TAG, PASSED, ModelRegistry
from components.tracking.runs import tracked
from services.release_ledger import Ledger

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(tmp_path):
    """Versions 1, 2 and 3 were promoted one after the other."""
    registry = ModelRegistry(root=tmp_path)
    promotions = Promotions(registry, History(tmp_path))
    with tracked("release", root=tmp_path) as run:
        for name in "abc":
            folder = tmp_path / name
            folder.mkdir()
            bundle.write_text(folder / "release.txt", name)
            bundle.seal(folder, {})
            tags = {GATE_TAG: PASSED, DIGEST_TAG: bundle.digest(folder)}
            version = registry.register(folder.as_uri(), run.run_id, tags).version
            promotions.promote(version, by="ann", reason="better")
    return SimpleNamespace(registry=registry, promotions=promotions, ledger=Ledger(registry, tmp_path))


def test_the_service_goes_back_once_in_its_own_name_and_never_again(shop):
    assert [shop.ledger.promoted(version) for version in "123"] == [False, False, True]
    with pytest.raises(ReleaseError, match="the champion before is version 2, not 1"):
        shop.ledger.roll_back("3", "1", "in its first minutes: it failed")
    shop.ledger.roll_back("3", "2", "in its first minutes: it failed")
    last = shop.ledger.history.last()
    assert (last.action, last.by, last.version, last.previous) == (ROLLED_BACK, "service", "2", "3")
    assert (last.reason, shop.registry.aliases()[CHAMPION]) == ("in its first minutes: it failed", "2")
    assert not shop.ledger.promoted("2")  # what was gone back to is not watched
    for version, before in (("3", "2"), ("2", "1")):  # a second worker; the other way round
        with pytest.raises(ReleaseError, match="not the newest promotion any more"):
            shop.ledger.roll_back(version, before, "it failed")
    assert shop.ledger.history.last() == last
    assert trouble(shop.ledger.history.entries(), shop.registry.standing().notes[ANCHOR_NOTE]) is None


def test_a_project_without_a_history_goes_back_by_nobody(shop, tmp_path):
    elsewhere = Ledger(shop.registry, tmp_path / "elsewhere")
    assert not elsewhere.promoted("3")
    with pytest.raises(ReleaseError, match="not the newest promotion"):
        elsewhere.roll_back("3", "2", "it failed")
    assert shop.registry.aliases()[CHAMPION] == "3"
