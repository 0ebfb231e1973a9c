"""register: assemble the release and make it a version in the registry, once, if its gates were passed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.core import bundle, layout
from components.core.config import Config
from components.core.errors import DataError, ReleaseError
from components.release.assemble import assemble
from components.release.release import Release
from components.steps.result import StepResult
from components.tracking.registry import DIGEST_TAG, LINEAGE, NAME

if TYPE_CHECKING:
    from components.tracking.registry import ModelRegistry, RegisteredVersion

UNKNOWN = "unknown"


class RegisterConfig(Config):
    """Nothing to choose: gate, service and command line follow one registered model (tracking/registry.py)."""


def register(config: RegisterConfig, root: Path, seed: int) -> StepResult:
    """Assemble the release and register it with alias challenger; the first one becomes champion.

    The registered files are a copy among the artifacts of an MLflow run: the next run replaces artifacts/release/
    and must not change a version that exists. A release whose digest is registered already keeps its version.
    Reads   decision/decision.json and everything `assemble` reads
    Writes  release/, registration/registered.json
    Raises  ReleaseError if the gates were not passed; nothing is registered then.
    """
    from components.promotion.history import History
    from components.promotion.promotions import Promotions
    from components.tracking.registry import CHALLENGER, CHAMPION, ModelRegistry

    decision = bundle.read_json(root / layout.DECISION / "decision.json")
    if not decision["passed"]:
        raise ReleaseError(
            f"register: the gates were not passed, nothing is registered: {'; '.join(decision['reasons'])}."
        )
    release = assemble(root, NAME, _provenance(root))
    registry = ModelRegistry(root=root)
    version = registry.find(DIGEST_TAG, release.digest) or _store(registry, release, decision, root)
    first = bool(decision["first_release"]) and registry.at_alias(CHAMPION) is None
    registry.set_alias(CHALLENGER, version.version)
    if first:
        Promotions(registry, History(root)).promote(
            version.version, by="gate", reason="first release: its gates were passed, no champion yet"
        )
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
    return StepResult(summary, {"version": float(version.version)}, tags=tags)


def _store(registry: ModelRegistry, release: Release, decision: dict[str, Any], root: Path) -> RegisteredVersion:
    """Copy the release into a run of its own and make it a version.

    A process killed before the last line leaves a run without a version, and the next attempt starts afresh.
    """
    from components.tracking.registry import GATE_TAG, PASSED
    from components.tracking.runs import parent_run, tracked

    provenance = release.facts["provenance"]
    tags = {DIGEST_TAG: release.digest, "cutoff_time": release.facts["cutoff_time"], **provenance}
    gates = {f"gate.{name}": f"passed: {gate['reason']}" for name, gate in decision["gates"].items()}
    with tracked("release", parent_run(), tags=tags, root=root) as run:
        source = run.artifact(root / layout.RELEASE)
        run.artifact(root / layout.DECISION / "decision.json")
        for path in (root / layout.RECEIPTS, root / layout.DATA_PIN):  # the chain as it is now: later runs replace it
            if path.exists():
                run.artifact(path, LINEAGE)
        return registry.register(source, run.run_id, tags | gates | {GATE_TAG: PASSED})


def _provenance(root: Path) -> dict[str, str]:
    from components.data.pin import read_pin
    from components.steps.runner import git_commit

    try:
        data_digest = read_pin(root / layout.DATA_PIN)[0]
    except DataError:  # a project on data of its own, without a pin
        data_digest = UNKNOWN
    return {"data_digest": data_digest, "git_commit": git_commit(root)}
