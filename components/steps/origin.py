"""The origin of what a step writes: which data, source, components, engine and code made it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from components.core import layout, registry
from components.core.config import PARAMS_FILE, Config, parse
from components.core.errors import DataError
from components.core.source_files import digest_of
from components.data.pin import read_pin
from components.data.source import SourceChoice
from components.steps.code import step_files
from components.steps.table import Step

MEANS = "engine"  # a section of configurations that says with how much memory and where, not what is made
FIRST_VERSION = 1  # of a component that declares none


FACTS = ("data_digest", "source_digest", "step", "config_digest", "components")


@dataclass(frozen=True)
class Origin:
    """What made an artifact, beyond the bytes it was made from.

    data_digest    of data/, as data.dvc pins it; None in a project without a pin
    source         section `source` of params.yaml, with its defaults
    source_digest  sha256 of that
    engine         what ran the data step; None where the step has no engine
    step           which step
    config_digest  sha256 of its configuration with defaults; without the section `engine`
    components     version by registered name, those that the step may use
    code           sha256 of the source files that the step runs
    """

    data_digest: str | None
    source: dict[str, Any]
    source_digest: str
    engine: str | None
    step: str
    config_digest: str
    components: dict[str, int]
    code: str

    @property
    def facts(self) -> dict[str, Any]:
        """What every bundle's provenance says."""
        return {name: getattr(self, name) for name in FACTS}

    def as_dict(self) -> dict[str, Any]:
        """For a receipt."""
        return asdict(self)


def origin_of(step: Step, params: dict[str, Any], config: Config, root: Path) -> Origin:
    """The origin of what this step writes now, in the project in `root`."""
    source = parse(SourceChoice, params.get("source"), f"{PARAMS_FILE}: source").model_dump(mode="json")
    return Origin(
        data_digest=_pinned(root),
        source=source,
        source_digest=_sha256_of(source),
        engine=getattr(getattr(config, "engine", None), "component", None),
        step=step.name,
        config_digest=_sha256_of(config.model_dump(mode="json", exclude={MEANS})),
        components=_versions(step),
        code=code_digest(step),
    )


def code_digest(step: Step) -> str:
    """One sha256 for the source files that a step runs, and their names."""
    return digest_of(step_files(step))


def _sha256_of(settings: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def _versions(step: Step) -> dict[str, int]:
    registries = [value for value in vars(registry).values() if isinstance(value, registry.Registry)]
    return {
        name: getattr(known.get(name), "version", FIRST_VERSION)
        for known in registries
        for name in known.names()
        if known.file(name) in step.code
    }


def _pinned(root: Path) -> str | None:
    try:
        return read_pin(root / layout.DATA_PIN)[0]
    except DataError:
        return None
