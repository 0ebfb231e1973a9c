"""A shop's start: its params file completed, checked and put to use, its data brought in and pinned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components.core import layout
from components.core.bundle import replacing, write_text
from components.core.config import PARAMS_FILE
from components.core.errors import DataError
from components.data.pin import file_digests, write_pin
from components.data.source import Source
from components.steps import dvc_file
from components.steps.runner import check_params, plain_disk_full
from components.steps.table import SEED, table

SEED_OF_ALL = 7
BEFORE = "params.before.yaml"  # what params.yaml held until then
# Simple models that any shop's data can train, for a file that names none.
USUAL_MODELS: dict[str, dict[str, Any]] = {
    "popularity": {"component": "popularity"},
    "household_frequency": {"component": "household", "params": {"half_life_days": None}},
    "household_recency": {"component": "household"},
    "item_knn": {"component": "item_knn"},
    "als": {"component": "als"},
}
ADDED = "\n# Added by `shoploop use`: what the file above leaves to the defaults.\n"


@dataclass(frozen=True)
class Use:
    """What was done: files and bytes in data/, and whether they were there already."""

    files: int
    size: int
    digest: str
    kept: bool


def completed(params: dict[str, Any]) -> dict[str, Any]:
    """What `params` lacks to be a whole params.yaml: simple models, and sections that leave everything to the defaults.

    Raises ConfigError if `models` names none, or no popularity.
    """
    steps = table({"models": USUAL_MODELS} | params)
    names = [name for step in steps.values() for name in (step.section.partition(".")[0], *step.shared)]
    sections = {SEED: SEED_OF_ALL} | {name: {} for name in names} | {"models": USUAL_MODELS}
    return {name: values for name, values in sections.items() if name not in params}


def use(text: str, source: Source, root: Path, *, replace: bool = False) -> Use:
    """Bring in the source's files, and make `text` the params.yaml of the project in `root`.

    text     of the params file; what it lacks is written below it
    replace  let other files in data/ go
    Writes   data/, data.dvc, params.yaml, dvc.yaml (params.before.yaml keeps what params.yaml was)
    Raises   ConfigError if the completed parameters are not accepted, DataError if the files cannot be read, or others
             lie in data/ and `replace` is False; nothing is changed then
    """
    params = yaml.safe_load(text)
    added = completed(params)
    check_params(params | added, root)
    with plain_disk_full("use", root):
        kept = _bring_in(source, root, replace=replace)
    _write_params(text + (ADDED + yaml.safe_dump(added, sort_keys=False) if added else ""), root)
    write_text(root / dvc_file.DVC_FILE, dvc_file.render(root))
    digest = write_pin(root / layout.DATA, root / layout.DATA_PIN)
    sizes = [path.stat().st_size for path in (root / layout.DATA).rglob("*") if path.is_file()]
    return Use(len(sizes), sum(sizes), digest, kept)


def _bring_in(source: Source, root: Path, *, replace: bool) -> bool:
    """The source's files into data/; True if they were there already, byte for byte."""
    there = file_digests(root / layout.DATA)
    with replacing(root / layout.DATA) as fresh:
        source.ingest(fresh)
        kept = file_digests(fresh) == there
        if there and not kept and not replace:
            raise DataError(_would_go(there, root))
    return kept


def _would_go(there: dict[str, str], root: Path) -> str:
    size = sum((root / layout.DATA / name).stat().st_size for name in there)
    names = ", ".join(list(there)[:5]) + (" …" if len(there) > 5 else "")
    return (
        f"{layout.DATA}/ holds {len(there)} other files ({size / 1e6:.1f} MB: {names}); nothing was changed. Keep a "
        "copy if you need them (`dvc push` makes one), then say `--replace` to put the new files in their place."
    )


def _write_params(text: str, root: Path) -> None:
    path = root / PARAMS_FILE
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        write_text(root / BEFORE, path.read_text(encoding="utf-8"))
    write_text(path, text)
