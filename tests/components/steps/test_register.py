"""Registration against a real MLflow on SQLite: once per release, copied away, and only with its gates passed."""

import shutil
from pathlib import Path
from urllib.parse import urlparse

import pytest

from components.core import bundle, layout
from components.core.errors import ReleaseError
from components.promotion.history import History
from components.release.load import load
from components.steps.register import RegisterConfig, register
from components.tracking.registry import CHALLENGER, CHAMPION, DIGEST_TAG, GATE_TAG, PASSED, ModelRegistry

pytestmark = pytest.mark.slow
CONFIG = RegisterConfig()


def registered(root):
    return bundle.read_json(root / layout.REGISTRATION / "registered.json")


def replace_parts(root, other):
    """What a later run does to the artifacts."""
    shutil.rmtree(root / layout.ARTIFACTS)
    shutil.copytree(other / layout.ARTIFACTS, root / layout.ARTIFACTS)


def test_first_release_becomes_champion_a_second_only_challenger_and_a_version_never_changes(shop, other_shop):
    register(CONFIG, shop, 1)
    registry = ModelRegistry(root=shop)
    first = registry.at_alias(CHAMPION)
    assert registry.aliases() == {CHAMPION: "1", CHALLENGER: "1"}
    assert registered(shop)["aliases"] == ["challenger", "champion"]
    assert first.tags[GATE_TAG] == PASSED
    assert first.tags["gate.coverage"].startswith("passed: lists show")
    assert [entry.by for entry in History(shop).entries()] == ["gate"]

    register(CONFIG, shop, 1)  # a killed worker's run is started again
    assert [v.version for v in registry.versions()] == ["1"]

    replace_parts(shop, other_shop)
    register(CONFIG, shop, 1)
    assert registry.aliases() == {CHAMPION: "1", CHALLENGER: "2"}
    stored = load(Path(urlparse(first.source).path))
    assert stored.digest == first.tags[DIGEST_TAG]
    assert stored.digest != registered(shop)["release_digest"]


def test_a_release_whose_gates_failed_is_not_registered(shop):
    bundle.write_json(shop / layout.DECISION / "decision.json", {"passed": False, "reasons": ["coverage: too low"]})
    with pytest.raises(ReleaseError, match="coverage: too low"):
        register(CONFIG, shop, 1)
    assert not (shop / layout.RELEASE).exists()
    assert ModelRegistry(root=shop).versions() == []
