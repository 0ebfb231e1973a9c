"""register: assemble the release, judge it, and make it a version in the registry, once, with what its gates said."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from components.core import bundle, layout
from components.core.config import Config
from components.core.errors import DataError, ReleaseError
from components.evaluation.gate import GateConfig, decide_release
from components.promotion.checks import GATES
from components.ranking.exploration import ExplorationConfig
from components.ranking.hybrid import RETRIEVAL
from components.ranking.list_policy import ListPolicyConfig
from components.release import card, pace
from components.release.assemble import assemble
from components.release.list_wishes import UNKNOWN_NAMES
from components.release.load import HYBRID, KNOWN
from components.release.release import Release
from components.steps.receipt import digest
from components.steps.result import StepResult
from components.tracking.registry import (
    CHALLENGER,
    CHAMPION,
    DIGEST_TAG,
    GATE_TAG,
    JUDGED_TAG,
    LINEAGE,
    LONGEST_TAG,
    NAME,
    NOBODY,
    ORDER_TAG,
    PASSED,
)

if TYPE_CHECKING:
    from components.tracking.registry import ModelRegistry, RegisteredVersion

UNKNOWN = "unknown"
GATES_FILE = "gates.json"  # among the artifacts of a version's run: what its tags say, in one file


class RegisterConfig(Config):
    """What goes into a release beside the parts that were trained.

    gate          the section of that step, whose limits on the release itself are asked here
    intended_use  for the card
    list_policy   what the shop wants of every served list beside relevance; nothing by default
    exploration   how often a served list gives a place to an item that few people know; never by default
    """

    gate: GateConfig = Field(default_factory=GateConfig)
    intended_use: str = Field(default=card.INTENDED_USE, min_length=20, max_length=2000)
    list_policy: ListPolicyConfig = Field(default_factory=ListPolicyConfig)
    exploration: ExplorationConfig = Field(default_factory=ExplorationConfig)


def register(config: RegisterConfig, root: Path, seed: int) -> StepResult:
    """Assemble the release and register it with alias challenger; the first one becomes champion.

    The registered files are a copy among the artifacts of an MLflow run: the next run replaces artifacts/release/
    and must not change a version that exists. A release whose digest is registered already keeps its version, as long
    as its gates say the same, and of the same champion; the champion itself is judged against nobody else.
    What the gates said stands on the version, passed or failed; one that failed gets no alias and stops the loop.
    Reads   decision/decision.json and everything `assemble` reads
    Writes  release/, registration/registered.json
    Raises  ReleaseError if a gate was not passed, after the version with its reasons was registered; ConfigError,
            before anything was, if this catalogue cannot fulfil the list policy.
    """
    from components.promotion.history import History
    from components.promotion.promotions import Promotions
    from components.tracking.registry import ModelRegistry

    decision = bundle.read_json(root / layout.DECISION / "decision.json")
    release = assemble(root, NAME, _provenance(root), config.intended_use, config.list_policy, config.exploration)
    registry = ModelRegistry(root=root)
    gates = _judged(config, release, decision, root)
    version = _known(registry, release, gates) or _store(registry, release, gates, root)
    if not gates["passed"]:
        raise ReleaseError(
            f"register: the gates were not passed: {'; '.join(gates['reasons'])}. "
            f"It is version {version.version}, without an alias, with these reasons as its tags."
        )
    first = bool(decision["first_release"]) and registry.at_alias(CHAMPION) is None
    registry.set_alias(CHALLENGER, version.version)
    if first:
        Promotions(registry, History(root)).promote(
            version.version, by="gate", reason="first release: its gates were passed, no champion yet"
        )
    return _registered(registry, version, release, root)


def _registered(registry: ModelRegistry, version: RegisteredVersion, release: Release, root: Path) -> StepResult:
    registered = {
        "name": NAME,
        "version": version.version,
        "release_digest": release.digest,
        "run_id": version.run_id,
        "aliases": sorted(alias for alias, v in registry.aliases().items() if v == version.version),
    }
    with bundle.replacing(root / layout.REGISTRATION) as fresh:
        bundle.write_json(fresh / "registered.json", registered)
    tags = {DIGEST_TAG: release.digest, "version": version.version}
    summary = f"version {version.version} of {NAME} is {' and '.join(registered['aliases'])}"
    if unknown := release.facts[UNKNOWN_NAMES]:
        summary += (
            f"; list_policy names {len(unknown)} items that the catalogue does not have: {', '.join(unknown[:5])}"
        )
    return StepResult(summary, {"version": float(version.version)}, tags=tags)


def _judged(config: RegisterConfig, release: Release, decision: dict[str, Any], root: Path) -> dict[str, Any]:
    """All gates of a release: those of the gate step, and those that need the release itself."""
    sections = card.gather(root, release.facts, bundle.digest(root / layout.RELEASE / KNOWN), config.intended_use)
    own = decide_release(config.gate, pace.measure(release), card.missing(sections), release.facts[RETRIEVAL])
    gates = decision["gates"] | {v.gate: {"passed": v.passed, "reason": v.reason} for v in own}
    failed = {name: gate for name, gate in gates.items() if not gate["passed"]}
    return {
        "passed": decision["passed"] and not failed,
        "release_digest": release.digest,
        "champion": decision.get("champion"),
        "gates": gates,
        "reasons": [f"{name}: {gate['reason']}" for name, gate in (failed or gates).items()],
    }


def _outcome(gates: dict[str, Any]) -> str:
    failed = ", ".join(name for name, gate in gates["gates"].items() if not gate["passed"])
    return PASSED if gates["passed"] else f"failed: {failed or 'see the decision'}"


def _known(registry: ModelRegistry, release: Release, gates: dict[str, Any]) -> RegisteredVersion | None:
    """The version of these very files whose gates said the same of the same champion; another verdict makes another
    version. What is champion already stays that version.
    """
    same, whom = {DIGEST_TAG: release.digest, GATE_TAG: _outcome(gates)}, _judge(gates)
    known = [v for v in reversed(registry.versions()) if same.items() <= v.tags.items()]
    champion = registry.aliases().get(CHAMPION)
    own = [v for v in known if v.version == champion]
    return next(iter(own + [v for v in known if v.tags.get(JUDGED_TAG) == whom]), None)


def _judge(gates: dict[str, Any]) -> str:
    """The champion that the gates held the release against."""
    return gates["champion"] or NOBODY


def _store(registry: ModelRegistry, release: Release, gates: dict[str, Any], root: Path) -> RegisteredVersion:
    """Copy the release into a run of its own and make it a version.

    A process killed before the last line leaves a run without a version, and the next attempt starts afresh.
    """
    from components.tracking.runs import parent_run, tracked

    provenance = {name: said for name, said in release.facts["provenance"].items() if isinstance(said, str)}
    tags = {DIGEST_TAG: release.digest, "cutoff_time": release.facts["cutoff_time"], **provenance}
    said = {
        f"{GATES}{name}": f"{PASSED if gate['passed'] else 'failed'}: {gate['reason']}"[:LONGEST_TAG]
        for name, gate in gates["gates"].items()
    }
    with tracked("release", parent_run(), tags=tags, root=root) as run:
        source = run.artifact(root / layout.RELEASE)
        run.artifact(root / layout.DECISION / "decision.json")
        with tempfile.TemporaryDirectory() as scratch:
            bundle.write_json(Path(scratch) / GATES_FILE, gates)
            run.artifact(Path(scratch) / GATES_FILE)
        for name in card.FILES:
            run.artifact(root / layout.RELEASE / name)
        for path in (root / layout.RECEIPTS, root / layout.DATA_PIN):  # the chain as it is now: later runs replace it
            if path.exists():
                run.artifact(path, LINEAGE)
        order = digest(root / layout.RELEASE / HYBRID)
        said |= {GATE_TAG: _outcome(gates), JUDGED_TAG: _judge(gates), ORDER_TAG: order}
        return registry.register(source, run.run_id, tags | said)


def _provenance(root: Path) -> dict[str, str]:
    from components.data.pin import read_pin
    from components.steps.runner import git_commit

    try:
        data_digest = read_pin(root / layout.DATA_PIN)[0]
    except DataError:  # a project on data of its own, without a pin
        data_digest = UNKNOWN
    return {"data_digest": data_digest, "git_commit": git_commit(root)}
