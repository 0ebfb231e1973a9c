"""The reconciler: do the registry's alias, the history and what a service serves agree? It says; it never chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.promotion.checks import gates_digest
from components.promotion.history import MOVES, Entry
from components.tracking.registry import RegisteredVersion


def disagreement(alias: str | None, recorded: str | None, served: str | None) -> str | None:
    """In words, which of the three differ; None where all name the same version.

    alias     version of the alias champion in MLflow, None where it is not set
    recorded  champion by the history, None where it has none
    served    version a service answers with, None where it has no release
    """
    if alias == recorded == served:
        return None
    said = {"the registry's alias": alias, "the history": recorded, "the service": served}
    told = "; ".join(f"{who} says {version or 'none'}" for who, version in said.items())
    return f"champion in doubt: {told}"


def changed_since(entries: Sequence[Entry], versions: Mapping[str, RegisteredVersion]) -> list[str]:
    """What was promoted and is no longer what it was: a version that is gone, or whose gates say something else now."""
    newest = {entry.version: entry for entry in entries if entry.action in MOVES}
    return [words for entry in newest.values() if (words := _changed(entry, versions.get(entry.version)))]


def _changed(entry: Entry, version: RegisteredVersion | None) -> str | None:
    if version is None:
        return f"version {entry.version} was {entry.action} and is no longer in the registry"
    if gates_digest(version) != entry.gates_digest:
        return f"version {entry.version}: its gates say something else than when it was {entry.action}"
    return None
