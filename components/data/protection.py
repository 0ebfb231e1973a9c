"""Protection of persons as their rows enter: who was forgotten is left out, and ids become pseudonyms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from components.core import layout
from components.core.bundle import write_json
from components.core.privacy import forgotten_people, settle_key
from components.core.pseudonyms import PseudonymKey, pseudonymised, without_forgotten

if TYPE_CHECKING:
    from ibis import Table

    from components.data.source import SourceChoice


@dataclass(frozen=True)
class Protection:
    """What is done to the canonical tables of one run.

    key        makes the pseudonyms; None leaves ids as the source gives them
    forgotten  pseudonyms of people whose rows are left out, by key
    """

    key: PseudonymKey | None = None
    forgotten: Mapping[PseudonymKey, list[str]] = field(default_factory=dict)

    def apply(self, tables: Mapping[str, Table]) -> dict[str, Table]:
        """Canonical tables as the source gives them → as every later step sees them."""
        kept = without_forgotten(tables, self.forgotten)
        return pseudonymised(kept, self.key) if self.key else kept

    def write(self, folder: Path) -> None:
        """Note beside the tables in `folder` what their ids are."""
        write_json(folder / layout.PSEUDONYMS.name, {"key_fingerprint": self.key.fingerprint if self.key else None})


def protection(root: Path, source: SourceChoice) -> Protection:
    """What the project in `root` does to this source's tables; the key is made at first use.

    Raises ConfigError if the key is another than the one that made the project's pseudonyms, or is gone.
    """
    return Protection(settle_key(root) if source.pseudonymises else None, forgotten_people(root))
