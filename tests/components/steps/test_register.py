"""Registration against a real MLflow on SQLite: once per release, copied away, and only with its gates passed."""

import shutil
from pathlib import Path
from urllib.parse import urlparse

import pytest
from click.testing import CliRunner

from components.commands.promote import promote
from components.core import bundle, layout
from components.core.errors import ConfigError, ReleaseError
from components.promotion.history import History
from components.promotion.promotions import Promotions
from components.release.load import load
from components.steps.register import GATES_FILE, RegisterConfig, register
from components.tracking.registry import (
    CHALLENGER,
    CHAMPION,
    DIGEST_TAG,
    GATE_TAG,
    JUDGED_TAG,
    NOBODY,
    ORDER_TAG,
    PASSED,
    ModelRegistry,
)
from tests.conftest import decide, judge_anew

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


def test_the_same_files_judged_against_another_champion_are_another_version_and_the_champion_stays_its_own(
    shop, other_shop, monkeypatch
):
    register(CONFIG, shop, 1)
    registry = ModelRegistry(root=shop)
    for _ in range(2):  # a night without anything new: the champion is held against itself
        judge_anew(shop)
        register(CONFIG, shop, 1)
    assert {v.version: v.tags[JUDGED_TAG] for v in registry.versions()} == {"1": NOBODY}
    registry.untag("1", JUDGED_TAG)  # as an earlier shoploop registered it
    register(CONFIG, shop, 1)
    assert len(registry.versions()) == 1

    register(RegisterConfig(list_policy={"bans": ["i00"]}), shop, 1)  # the same models
    assert registry.version("2").tags[ORDER_TAG] == registry.version("1").tags[ORDER_TAG]

    replace_parts(shop, other_shop)  # a challenger that was judged before there was a champion
    register(CONFIG, shop, 1)
    with pytest.raises(ReleaseError, match="its gates held it against no champion, and version 1 is champion now"):
        Promotions.of(shop).promote("3", by="ann", reason="better")
    for _ in range(2):  # `make run` judges it anew, and is started again
        judge_anew(shop)
        register(CONFIG, shop, 1)
    assert [v.tags.get(JUDGED_TAG) for v in registry.versions()] == [None, "1", NOBODY, "1"]
    assert registry.version("4").tags[DIGEST_TAG] == registry.version("3").tags[DIGEST_TAG]
    assert Promotions.of(shop).promote("4", by="ann", reason="better").note == ""

    monkeypatch.chdir(shop)
    back = CliRunner().invoke(promote, ["1", "--reason", "worse", "--by", "ann"])
    assert (back.exit_code, back.stderr) == (0, "note: champion before; its gates did not hold it against version 4\n")


def test_a_list_policy_is_told_in_the_facts_and_one_that_cannot_hold_stops_before_there_is_a_version(shop):
    impossible = RegisterConfig(list_policy={"in_stock": True})  # this shop tells no stock
    with pytest.raises(ConfigError, match=r"register\.list_policy: .*no stock.*params\.yaml"):
        register(impossible, shop, 1)
    assert ModelRegistry(root=shop).versions() == []
    result = register(RegisterConfig(list_policy={"bans": ["i00", "gone"]}), shop, 1)
    assert "names 1 items that the catalogue does not have: gone" in result.summary
    assert load(shop / layout.RELEASE).facts["list_policy"] == {"bans": ["i00", "gone"]}


def test_a_release_whose_gates_failed_stops_the_loop_with_its_reasons_on_a_version_without_an_alias(shop):
    decide(shop, passed=False)
    for _ in range(2):  # a second attempt finds the version that is there
        with pytest.raises(ReleaseError, match=r"coverage: lists show 40 %.*version 1, without an alias"):
            register(CONFIG, shop, 1)
    (version,) = ModelRegistry(root=shop).versions()
    assert version.tags[GATE_TAG] == "failed: coverage"
    assert version.tags["gate.coverage"].startswith("failed: lists show 40 %")
    assert version.tags["gate.model_card"].startswith("passed")
    assert ModelRegistry(root=shop).aliases() == {}
    gates = bundle.read_json(Path(urlparse(version.source).path).parent / GATES_FILE)
    assert gates["release_digest"] == version.tags[DIGEST_TAG]


def test_a_release_that_is_too_slow_or_says_too_little_of_itself_is_stopped(shop):
    shutil.rmtree(shop / layout.ROBUSTNESS)
    slow = RegisterConfig(gate={"max_golden_ms": 0.001})
    with pytest.raises(
        ReleaseError, match=r"latency: .* ms per golden request.*model_card: nothing is said of: Robust"
    ):
        register(slow, shop, 1)
