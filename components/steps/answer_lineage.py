"""The lineage of one answer of the service: from its logged exposure over the release that gave it to the raw files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from components.core import schema
from components.core.errors import ReleaseError
from components.online.store import OnlineStore
from components.steps.lineage import SHORT, Link
from components.steps.release_lineage import release_lineage
from components.tracking.registry import ModelRegistry

REQUEST = re.compile(r"[0-9a-f]{32}")
SHOWN = 10  # items of an answer that are named


def logged(store: OnlineStore, name: str) -> list[dict[str, Any]]:
    """The rows of the answer to a request, by position; none if the name is no request's or nothing was logged."""
    if not REQUEST.fullmatch(name):
        return []
    return [dict(zip(schema.EXPOSURES, row, strict=True)) for row in store.answer(name)]


def answer_lineage(
    root: Path, registry: ModelRegistry, rows: Sequence[dict[str, Any]], find_run: Callable[[str], str | None]
) -> Link:
    """The chain of a logged answer, as `logged` found it; who asked is not told."""
    first = rows[0]
    release = str(first[schema.RELEASE])
    link = Link(f"answer to request {first[schema.REQUEST_ID]}", _facts(rows))
    try:
        link.sources = [release_lineage(root, registry, release, find_run)]
    except ReleaseError as e:
        link.sources = [Link(f"release {release[:SHORT]}", trouble=str(e))]
    return link


def _facts(rows: Sequence[dict[str, Any]]) -> list[str]:
    first = rows[0]
    items = ", ".join(str(row[schema.ITEM_ID]) for row in rows[:SHOWN])
    at = datetime.fromtimestamp(float(first[schema.TIMESTAMP]), UTC)
    facts = [f"given {at:%Y-%m-%d %H:%M:%S} UTC by release {first[schema.RELEASE]}", f"{len(rows)} items: {items}"]
    if first[schema.EXPERIMENT]:
        facts.append(f"experiment {first[schema.EXPERIMENT]}, variant {first[schema.VARIANT]}")
    return facts
