"""The registry of releases: versions, their tags, and the aliases champion, challenger, canary and shadow.

A version is a whole release folder (core/bundle.py seals it); MLflow keeps where it lies, its tags and its aliases. An
alias is last-writer-wins in MLflow and keeps no history: who may move the champion, and what is remembered of it, is
components/promotion's business.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from components.core.errors import RegistryError, ReleaseError
from components.tracking import artifacts, location
from components.tracking.rest import MISSING, RestClient

NAME = "shoploop"
CHAMPION = "champion"
CHALLENGER = "challenger"  # the newest release whose gates passed: `register` points here, and it is shown to nobody
CANARY = "canary"  # answers a share of the people; only a person points here
SHADOW = "shadow"  # scores beside the champion and is shown to nobody
ALIASES = (CHAMPION, CHALLENGER, CANARY, SHADOW)
GATE_TAG = "gate"  # set when a release is registered: PASSED, or why not
PASSED = "passed"
JUDGED_TAG = "judged_against"  # set with it: the champion that the gates held the release against, or NOBODY
NOBODY = "none"
ORDER_TAG = "order_digest"  # of the models and the ranker in it: what its gates held against that champion's
DIGEST_TAG = "release_digest"  # core.bundle.digest of the folder that was registered
LINEAGE = "lineage"  # folder among the artifacts of a version's run: the receipts and the pin of what made it
LONGEST_TAG = 4000  # letters of a tag's value; MLflow's older stores take 5000


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of the registered release; source is where its folder lies (a URI or a path)."""

    version: str
    source: str
    tags: dict[str, str]
    run_id: str


@dataclass(frozen=True)
class Standing:
    """Version by alias, and the tags of the registered model itself."""

    aliases: dict[str, str]
    notes: dict[str, str]


class ModelRegistry:
    """The versions of one registered model in MLflow."""

    def __init__(self, uri: str | None = None, name: str = NAME, root: Path = Path(".")):
        """uri defaults to MLFLOW_TRACKING_URI, the server that `make up` keeps up, or the SQLite file in `root`."""
        self.name = name
        self.uri = uri or location.registry_uri(root)
        with self._answering():
            self.client = RestClient(self.uri) if self.uri.startswith("http") else location.connect(self.uri)

    def at_alias(self, alias: str) -> RegisteredVersion | None:
        """The version an alias points to, or None."""
        aliases = self.aliases()
        return self.version(aliases[alias]) if alias in aliases else None

    def aliases(self) -> dict[str, str]:
        """Version by alias; empty before the first release."""
        return self.standing().aliases

    def standing(self) -> Standing:
        """The aliases and what is noted of the model as a whole, of one moment; both empty before the first release."""
        model = self._model()
        if model is None:
            return Standing({}, {})
        return Standing({alias: str(version) for alias, version in model.aliases.items()}, dict(model.tags))

    def version(self, version: str) -> RegisteredVersion:
        """One version by its number; ReleaseError if there is none."""
        try:
            with self._answering():
                if str(version).isdecimal():
                    return _registered(self.client.get_model_version(self.name, str(version)))
        except RegistryError as e:
            if not _is_missing(e):
                raise
        known = ", ".join(v.version for v in self.versions()) or "none yet; `make run` registers the first"
        raise ReleaseError(f"release {version}: not in the registry '{self.name}'; known: {known}.")

    def versions(self) -> list[RegisteredVersion]:
        """All versions, oldest first."""
        with self._answering():
            found = self.client.search_model_versions(f"name = '{self.name}'")
        return sorted(map(_registered, found), key=lambda v: int(v.version))

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

    def clear_alias(self, alias: str) -> None:
        """Take an alias away; nothing happens where it is not set."""
        with self._answering():
            self.client.delete_registered_model_alias(self.name, alias)

    def tag(self, version: str, key: str, value: str) -> None:
        """Write a tag on a version, cut to what every store of MLflow takes."""
        with self._answering():
            self.client.set_model_version_tag(self.name, version, key, value[:LONGEST_TAG])

    def untag(self, version: str, key: str) -> None:
        """Take a tag off a version that carries it."""
        with self._answering():
            self.client.delete_model_version_tag(self.name, version, key)

    def note(self, key: str, value: str) -> None:
        """Write a tag on the registered model."""
        with self._answering():
            self.client.set_registered_model_tag(self.name, key, value)

    def fetch(self, version: RegisteredVersion, into: Path) -> Path:
        """The version's release folder: where it lies if that is this machine, else downloaded below `into`.

        Raises ReleaseError if it cannot be downloaded.
        """
        local = _local_path(version.source)
        if local is not None:
            return local
        try:
            with self._answering():
                return self._download(version.source, into)
        except RegistryError as e:  # the registry answered so far: it is this version's files that are away
            raise ReleaseError(f"release {version.version}: its files cannot be fetched: {e}") from e

    def _download(self, source: str, into: Path) -> Path:
        if isinstance(self.client, RestClient) and artifacts.is_behind_server(source):
            return artifacts.download(self.client, source, into)
        from mlflow.artifacts import download_artifacts

        return Path(download_artifacts(artifact_uri=source, dst_path=str(into), tracking_uri=self.uri))

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

    def _model(self) -> Any:
        """MLflow's registered model, or None before the first release."""
        try:
            with self._answering():
                return self.client.get_registered_model(self.name)
        except RegistryError as e:
            if _is_missing(e):
                return None
            raise

    def _answering(self) -> AbstractContextManager[None]:
        return location.answering(self.uri)


def _registered(found: Any) -> RegisteredVersion:
    return RegisteredVersion(str(found.version), found.source, dict(found.tags), found.run_id or "")


def _is_missing(error: RegistryError) -> bool:
    """Whether MLflow answered, and said that there is no such thing."""
    return getattr(error.__cause__, "error_code", "") == MISSING


def _local_path(source: str) -> Path | None:
    parts = urlparse(source)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(source) if parts.scheme == "" else None
