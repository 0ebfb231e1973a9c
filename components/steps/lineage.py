"""Lineage: the chain from an artifact or a release back to the raw files, every link of it held to its digest.

Receipts say what each step read and wrote. A link is broken where the bytes are no longer those that were written, and
stale where a step read other bytes than lie there now, or runs other code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.core import bundle, layout
from components.core.config import PARAMS_FILE, read_params
from components.core.errors import DataError, ShoploopError
from components.data.pin import file_digests, read_pin
from components.steps.origin import FACTS, code_digest
from components.steps.receipt import Receipt, digest, read_receipt
from components.steps.table import table
from components.tracking.runs import flatten

SHORT = 12  # letters of a digest that are shown
SETTINGS_SHOWN = 240  # letters
CHANGED = "this changed since the step ran"
GONE = "this is no longer there"
UNKNOWN = "no step's receipt says that it made this"


@dataclass
class Link:
    """One artifact, step or file of a chain.

    facts    what is known of it, a line each
    trouble  why it is broken or stale; None where it holds
    sources  what it was made from
    """

    title: str
    facts: list[str] = field(default_factory=list)
    trouble: str | None = None
    sources: list[Link] = field(default_factory=list)

    def troubled(self) -> list[Link]:
        """All links from here on that do not hold."""
        return [*([self] if self.trouble else []), *(link for source in self.sources for link in source.troubled())]


class Chain:
    """The receipts of one state of a project."""

    def __init__(
        self, root: Path, receipts: dict[str, Receipt], pin: Path, find_run: Callable[[str], str | None], *, live: bool
    ):
        """receipts by step; pin: the data.dvc of that state; find_run: execution → MLflow run.

        live  whether that state is the project as it lies there, so that files can be held to their digests
        """
        self.root, self.receipts, self.pin, self.find_run, self.live = root, receipts, pin, find_run, live
        self._code = _code_digests(root) if live else {}
        self._now: dict[str, str | None] = {}
        self._told: set[str] = set()

    def artifact(self, path: str, read: str | None = None, reader: str = "") -> Link:
        """The link of an artifact with all that it was made from.

        path          relative to the project
        read, reader  the digest that a later step read, and which step
        """
        if Path(path) == layout.DATA:
            return self._data(read)
        receipt, whole = self._maker(path)
        if receipt is None:
            return self._given(path, read)
        wrote = receipt.wrote[whole]
        link = Link(path, [f"sha256 {wrote[:SHORT]}"], self._broken(whole, wrote))
        self._ask_manifests(link, path, receipt)
        if whole == path and read is not None and read != wrote:
            link.trouble = f"stale: {reader} read an earlier version of it ({read[:SHORT]})"
        link.sources = [self.step(receipt)]
        return link

    def step(self, receipt: Receipt) -> Link:
        """The link of one execution; what it was made from is told once."""
        if receipt.step in self._told:
            return Link(f"step {receipt.step}", ["told above"])
        self._told.add(receipt.step)
        link = Link(f"step {receipt.step}", _facts(receipt, self.find_run(receipt.execution)))
        code = self._code.get(receipt.step)
        if code is not None and code != receipt.origin.get("code"):
            link.trouble = "stale: its code has changed since it ran"
        link.sources = [self.artifact(path, read, receipt.step) for path, read in receipt.read.items()]
        return link

    def _maker(self, path: str) -> tuple[Receipt | None, str]:
        """The receipt of the step that made a path, and the output that holds it."""
        around = {Path(path), *Path(path).parents}
        for receipt in self.receipts.values():
            for wrote in receipt.wrote:
                if Path(wrote) in around and Path(wrote) != layout.DATA:
                    return receipt, wrote
        return None, path

    def _ask_manifests(self, link: Link, path: str, receipt: Receipt) -> None:
        """What the manifests below a path name; trouble where the receipt of the same step names something else."""
        if not self.live:
            return
        found = [_named(manifest) for manifest in sorted((self.root / path).rglob(bundle.MANIFEST))]
        mine = [named for named in found if named.get("step") == receipt.step]
        if mine:
            link.facts.append(f"its manifest names {', '.join(_short(*fact) for fact in mine[0].items())}")
        other = sorted({name for named in mine for name in named if named[name] != receipt.origin.get(name)})
        if other and link.trouble is None:
            link.trouble = f"its manifest names another {', '.join(other)} than the receipt of step {receipt.step}"

    def _given(self, path: str, read: str | None) -> Link:
        """A file that a person wrote, such as a suite; held to what was read of it."""
        if read is None or layout.ARTIFACTS in Path(path).parents:
            return Link(path, trouble=UNKNOWN)
        return Link(path, [f"sha256 {read[:SHORT]}, kept in git"], self._broken(path, read))

    def _broken(self, path: str, recorded: str) -> str | None:
        if not self.live:
            return None
        if path not in self._now:
            there = self.root / path
            self._now[path] = digest(there) if there.exists() else None
        now = self._now[path]
        return GONE if now is None else None if now == recorded else f"{CHANGED} (now {now[:SHORT]})"

    def _data(self, read: str | None) -> Link:
        """data/ and its files, held to the pin."""
        link = Link(str(layout.DATA), [_source_words(self.receipts.values())])
        try:
            pinned_digest, pinned = read_pin(self.pin)
        except DataError as e:
            link.trouble = f"not pinned: {e}"
            return link
        link.facts.append(f"pinned as {pinned_digest}")
        found = file_digests(self.root / layout.DATA) if (self.root / layout.DATA).is_dir() else {}
        link.sources = [
            Link(f"{layout.DATA}/{name}", [f"md5 {md5}"], _file_trouble(md5, found.get(name), live=self.live))
            for name, md5 in pinned.items()
        ]
        strange = sorted(set(found) - set(pinned)) if self.live else []
        link.sources += [Link(f"{layout.DATA}/{name}", trouble="not pinned") for name in strange]
        if read is not None and self.live and not link.troubled():
            link.trouble = self._broken(str(layout.DATA), read)
        return link


def artifact_lineage(root: Path, path: str, find_run: Callable[[str], str | None]) -> Link:
    """The chain of a file or folder of the project; DataError if it lies elsewhere or nothing ever made it."""
    inside = Path(path).resolve()
    if not inside.is_relative_to(root.resolve()):
        raise DataError(f"{path}: not in this project; run from the project's folder.")
    relative = str(inside.relative_to(root.resolve()))
    chain = Chain(root, read_receipts(root / layout.RECEIPTS), root / layout.DATA_PIN, find_run, live=True)
    link = chain.artifact(relative)
    if link.trouble == UNKNOWN:
        made = ", ".join(sorted({p for receipt in chain.receipts.values() for p in receipt.wrote})) or "nothing yet"
        raise DataError(f"{path}: {UNKNOWN}; known: {made}.")
    return link


def read_receipts(folder: Path) -> dict[str, Receipt]:
    """All receipts of a folder by step; those of an earlier version of shoploop are left out."""
    found = {}
    for path in sorted(Path(folder).glob("*.json")):
        try:
            found[path.stem] = read_receipt(path)
        except ShoploopError:
            continue  # its artifacts then have no receipt, and the chain says so
    return found


def _code_digests(root: Path) -> dict[str, str]:
    if not (root / PARAMS_FILE).is_file():
        return {}
    return {name: code_digest(step) for name, step in table(read_params(root / PARAMS_FILE)).items()}


def _facts(receipt: Receipt, run_id: str | None) -> list[str]:
    origin: dict[str, Any] = receipt.origin
    ended = datetime.fromtimestamp(receipt.ended, UTC)
    facts = [f"{ended:%Y-%m-%d %H:%M:%S} UTC, MLflow run {run_id or 'not recorded'}"]
    settings = ", ".join(f"{key}={value}" for key, value in flatten(receipt.config).items())
    facts.append(f"config {settings[:SETTINGS_SHOWN] or 'none'}{' …' if len(settings) > SETTINGS_SHOWN else ''}")
    versions = ", ".join(f"{name} {version}" for name, version in origin.get("components", {}).items())
    facts += [f"components {versions}"] if versions else []
    engine = f", engine {origin['engine']}" if origin.get("engine") else ""
    commit = receipt.tags.get("git_commit", "unknown")[:SHORT]
    return [*facts, f"code {origin.get('code', 'unknown')[:SHORT]}, commit {commit}{engine}"]


def _named(manifest: Path) -> dict[str, Any]:
    said = bundle.read_json(manifest).get("provenance", {})
    return {name: said[name] for name in FACTS if said.get(name)}


def _short(name: str, named: Any) -> str:
    """A fact of a manifest in few words."""
    if isinstance(named, dict):
        return f"{name} {' '.join(f'{key}:{version}' for key, version in named.items())}"
    return f"{name} {str(named)[:SHORT]}" if name.endswith("digest") else f"{name} {named}"


def _source_words(receipts: Iterable[Receipt]) -> str:
    for receipt in receipts:
        source = receipt.origin.get("source")
        if source:
            settings = ", ".join(f"{key}={value}" for key, value in flatten(source).items() if value is not None)
            return f"source {settings}"[:SETTINGS_SHOWN]
    return "source unknown"


def _file_trouble(pinned: str, found: str | None, *, live: bool) -> str | None:
    if found == pinned:
        return None
    if not live:
        return "data/ no longer holds these bytes"
    return GONE if found is None else f"altered (md5 {found[:SHORT]})"
