"""The registry of releases: versions, the aliases champion and challenger, promotion and rollback.

A version is a whole release folder (core/bundle.py seals it); MLflow keeps where it lies, its tags and its aliases. The
journal of promotions is a list of tags on the registered model, so it survives whichever version comes and goes. An
alias is last-writer-wins in MLflow: two people promoting in the same second is not guarded against.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlparse

from components.core import bundle, layout
from components.core.errors import BundleError, RegistryError, ReleaseError
from components.tracking import location

NAME = "shoploop"
CHAMPION = "champion"
CHALLENGER = "challenger"
GATE_TAG = "gate"  # set when a release is registered: PASSED, or why not
PASSED = "passed"
DIGEST_TAG = "release_digest"  # core.bundle.digest of the folder that was registered
JOURNAL_TAG = "journal."
LINEAGE = "lineage"  # folder among the artifacts of a version's run: the receipts and the pin of what made it
PROMOTED, ROLLED_BACK = "promoted", "rolled back"
Check = Callable[[Path], object]


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of the registered release; source is where its folder lies (a URI or a path)."""

    version: str
    source: str
    tags: dict[str, str]
    run_id: str


@dataclass(frozen=True)
class Move:
    """One entry of the journal: who moved the champion, from where to where, and why."""

    at: str
    action: str
    version: str
    previous: str | None
    by: str
    reason: str

    def __str__(self) -> str:
        """The move in words, without its reason."""
        before = f", before it {self.previous}" if self.previous else ""
        return f"champion is version {self.version} ({self.action} by {self.by}{before})"


class ModelRegistry:
    """The versions of one registered model in MLflow."""

    def __init__(self, uri: str | None = None, name: str = NAME, root: Path = Path(".")):
        """uri defaults to MLFLOW_TRACKING_URI, or the SQLite file of the project folder `root`."""
        self.name = name
        self.uri = uri or location.tracking_uri(root)
        with self._answering():
            self.client = location.connect(self.uri)

    def at_alias(self, alias: str) -> RegisteredVersion | None:
        """The version an alias points to, or None."""
        aliases = self.aliases()
        return self.version(aliases[alias]) if alias in aliases else None

    def aliases(self) -> dict[str, str]:
        """Version by alias; empty before the first release."""
        model = self._model()
        return {alias: str(version) for alias, version in model.aliases.items()} if model else {}

    def version(self, version: str) -> RegisteredVersion:
        """One version by its number; ReleaseError if there is none."""
        for found in self.versions():
            if found.version == str(version):
                return found
        known = ", ".join(v.version for v in self.versions()) or "none yet; `make run` registers the first"
        raise ReleaseError(f"release {version}: not in the registry '{self.name}'; known: {known}.")

    def versions(self) -> list[RegisteredVersion]:
        """All versions, oldest first."""
        with self._answering():
            found = self.client.search_model_versions(f"name = '{self.name}'")
        all_versions = [RegisteredVersion(str(v.version), v.source, dict(v.tags), v.run_id or "") for v in found]
        return sorted(all_versions, key=lambda v: int(v.version))

    def find(self, tag: str, value: str) -> RegisteredVersion | None:
        """The newest version that carries this tag value, or None."""
        return next((v for v in reversed(self.versions()) if v.tags.get(tag) == value), None)

    def register(self, source: str, run_id: str, tags: dict[str, str]) -> RegisteredVersion:
        """A new version whose release folder lies at `source`, made by the MLflow run `run_id`."""
        unknown = self._model() is None
        with self._answering():
            if unknown:
                self.client.create_registered_model(self.name)
            made = self.client.create_model_version(self.name, source, run_id=run_id, tags=tags)
        return self.version(made.version)

    def set_alias(self, alias: str, version: str) -> None:
        """Point an alias at a version; ReleaseError if there is no such version."""
        known = self.version(version).version
        with self._answering():
            self.client.set_registered_model_alias(self.name, alias, known)

    def fetch(self, version: RegisteredVersion, into: Path) -> Path:
        """The version's release folder: where it lies if that is this machine, else downloaded below `into`.

        Raises ReleaseError if it cannot be downloaded.
        """
        local = _local_path(version.source)
        if local is not None:
            return local
        from mlflow.artifacts import download_artifacts

        try:
            with self._answering():
                return Path(download_artifacts(artifact_uri=version.source, dst_path=str(into), tracking_uri=self.uri))
        except RegistryError as e:  # the registry answered so far: it is this version's files that are away
            raise ReleaseError(f"release {version.version}: its files cannot be fetched: {e}") from e

    def lineage(self, version: RegisteredVersion, into: Path) -> Path | None:
        """The folder with the receipts and the pin of what made a version, below `into`; None if it has none."""
        from mlflow.artifacts import download_artifacts

        with self._answering():
            if not version.run_id or not self.client.list_artifacts(version.run_id, LINEAGE):
                return None
            found = download_artifacts(
                run_id=version.run_id, artifact_path=LINEAGE, dst_path=str(into), tracking_uri=self.uri
            )
        return Path(found)

    @property
    def history(self) -> list[Move]:
        """The journal of promotions and rollbacks, oldest first."""
        model = self._model()
        entries = {k: v for k, v in model.tags.items() if k.startswith(JOURNAL_TAG)} if model else {}
        return [Move(**json.loads(entries[key])) for key in sorted(entries)]

    def promote(self, version: str, by: str, reason: str, check: Check | None = None) -> Move:
        """Make a version the champion.

        check   called with the release's folder; a ReleaseError it raises refuses the version. `release.load.load`
                is what a service asks of a release.
        Raises  ReleaseError, and moves nothing, if the version is champion already, its gates were not passed, its
                files are not those that were registered, or the reason is blank.
        """
        _check_told(by, reason)
        candidate = self.version(version)
        if self.aliases().get(CHAMPION) == candidate.version:
            raise ReleaseError(f"release {candidate.version}: is champion already; nothing was changed.")
        self._check_promotable(candidate, check)
        return self._move(candidate.version, PROMOTED, by, reason)

    def rollback(self, by: str, reason: str, check: Check | None = None) -> Move:
        """Make the champion's predecessor the champion again; ReleaseError if there is none, and as in `promote`."""
        _check_told(by, reason)
        current = self.aliases().get(CHAMPION)
        earlier = [v for v in reigns(self.history) if v != current]
        if current is None or not earlier:
            raise ReleaseError(
                "rollback: no earlier champion is known; name a version with `shoploop promote VERSION`."
            )
        self._check_promotable(self.version(earlier[-1]), check)
        return self._move(earlier[-1], ROLLED_BACK, by, reason)

    def _check_promotable(self, candidate: RegisteredVersion, check: Check | None) -> None:
        gate = candidate.tags.get(GATE_TAG)
        if gate != PASSED:
            found = f"it says '{gate}'" if gate else "it carries no gate result"
            raise ReleaseError(
                f"release {candidate.version}: the gate was not passed ({found}); "
                f"see {layout.DECISION}/ and train a better one."
            )
        try:
            with tempfile.TemporaryDirectory() as scratch:
                folder = self.fetch(candidate, Path(scratch))
                _verify(folder, candidate)
                if check is not None:
                    check(folder)
        except (BundleError, OSError) as e:
            raise ReleaseError(f"release {candidate.version}: its files do not verify: {e}") from None

    def _move(self, version: str, action: str, by: str, reason: str) -> Move:
        """Move the alias, then write the journal: an entry never names a move that did not happen."""
        previous = self.aliases().get(CHAMPION)
        now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        move = Move(now, action, version, previous, by, reason)
        with self._answering():
            self.client.set_registered_model_alias(self.name, CHAMPION, version)
            self.client.set_registered_model_tag(self.name, f"{JOURNAL_TAG}{now}", json.dumps(asdict(move)))
        return move

    def _model(self):
        """MLflow's registered model, or None before the first release."""
        with self._answering():
            found = self.client.search_registered_models(f"name = '{self.name}'", max_results=1)
        return found[0] if found else None

    def _answering(self) -> AbstractContextManager[None]:
        return location.answering(self.uri)


def reigns(history: list[Move]) -> list[str]:
    """Versions in the order of their reign, those rolled back left out; the last one is the present champion.

    A champion set by hand in the MLflow UI enters when the next move names it as the one it replaced.
    """
    line: list[str] = []
    for move in history:
        if move.previous and (not line or line[-1] != move.previous):
            line.append(move.previous)
        if move.action == ROLLED_BACK:
            line = _back_to(move.version, line)
        elif not line or line[-1] != move.version:
            line.append(move.version)
    return line


def _back_to(version: str, line: list[str]) -> list[str]:
    """The line up to the version's latest reign: 1, 2, 1, 3 rolled back to 1 is 1, 2, 1, whose predecessor is 2."""
    if version not in line:
        return [*line[:-1], version]
    return line[: len(line) - line[::-1].index(version)]


def _check_told(by: str, reason: str) -> None:
    for what, said in (("reason", reason), ("name of who decides", by)):
        if not said.strip():
            raise ReleaseError(f"registry: the {what} is blank; the journal keeps it, so say it in a few words.")


def _verify(folder: Path, candidate: RegisteredVersion) -> None:
    """Refuse a folder that is not, byte for byte, what was registered: what the service would refuse."""
    bundle.verify(folder)
    found, registered = bundle.digest(folder), candidate.tags.get(DIGEST_TAG)
    if found != registered:
        told = f"registered {registered[:12]}" if registered else f"no tag '{DIGEST_TAG}' says what was registered"
        raise ReleaseError(
            f"release {candidate.version}: its files are not those that were registered (found {found[:12]}, {told}); "
            "restore them or register the release again."
        )


def _local_path(source: str) -> Path | None:
    parts = urlparse(source)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(source) if parts.scheme == "" else None
