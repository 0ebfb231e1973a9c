"""Whether a decision still stands, against a real registry: promotions, rollbacks and a removed registry count."""

from dataclasses import fields

import pytest

from components.core import bundle, layout
from components.steps.receipt import Receipt, digest
from components.tracking.registry import CHAMPION, DIGEST_TAG, ModelRegistry
from flows.standing import REGISTER_RECEIPT, decision_stands, registration_stands

pytestmark = pytest.mark.slow  # MLflow makes its tables


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A registry of the project in tmp_path with versions 1, 2 and 3; their files are not looked at here."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    made = ModelRegistry(root=tmp_path)
    for number in "123":
        run = made.client.create_run("0")
        made.register(str(tmp_path), run.info.run_id, {DIGEST_TAG: f"digest {number}"})
    return made


def decide(root, champion, version):
    """What `gate` and `register` leave: a decision against `champion` that let `version` in."""
    bundle.write_json(root / layout.DECISION / "decision.json", {"champion": champion, "passed": True})
    registered = {"name": "shoploop", "version": version, "release_digest": f"digest {version}"}
    bundle.write_json(root / layout.REGISTRATION / "registered.json", registered)
    empty = {f.name: {} for f in fields(Receipt)}
    receipt = empty | {"read": {str(layout.DECISION): digest(root / layout.DECISION)}}
    bundle.write_json(root / REGISTER_RECEIPT, receipt)


@pytest.mark.parametrize(
    ("judged_against", "let_in", "champion_now", "stands"),
    [
        (None, "1", "1", True),  # the first release became champion
        ("1", "2", "1", True),  # a challenger waits for a person
        ("1", "2", "2", True),  # a person promoted it
        ("1", "2", "3", False),  # a person promoted another
        ("2", "3", "1", False),  # a person rolled back
    ],
)
def test_a_decision_stands_until_the_champion_is_neither_its_judge_nor_its_own_release(
    registry, tmp_path, judged_against, let_in, champion_now, stands
):
    decide(tmp_path, judged_against, let_in)
    registry.set_alias(CHAMPION, champion_now)
    assert decision_stands(tmp_path) is stands
    assert registration_stands(tmp_path)


def test_a_new_decision_is_not_excused_by_the_registration_of_the_one_before(registry, tmp_path):
    decide(tmp_path, "1", "2")
    bundle.write_json(tmp_path / layout.DECISION / "decision.json", {"champion": "1", "passed": True, "new": True})
    registry.set_alias(CHAMPION, "2")
    assert not decision_stands(tmp_path)


def test_nothing_stands_before_the_first_run_or_without_the_registry(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert not decision_stands(tmp_path)
    assert not registration_stands(tmp_path)
    decide(tmp_path, "1", "2")
    assert not decision_stands(tmp_path)
    assert not registration_stands(tmp_path)
