"""How much memory a fit will take, said before it starts: a fit that does not fit is refused, not killed at the end.

Models name their largest arrays by size (`Model.memory`); what a fit may take is what the machine has left, or what
the environment says (SHOPLOOP_MEMORY_GB). Predictions are of the large arrays, blocks counted whole: right within a
factor of two or half a GB, whichever is more; small data take less than is foretold (docs/model-growth.md).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.core.errors import ConfigError

GB = 1e9
FLOAT, DOUBLE = 4, 8  # bytes
ALLOWED = "SHOPLOOP_MEMORY_GB"
WORTH_NAMING = 0.1  # of what is needed: an option that saves less would be asked for again and again
CGROUP = Path("/sys/fs/cgroup")  # version 2, as containers have it
MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True)
class Part:
    """Arrays that are held at the same time as the other parts.

    bytes   of them
    remedy  what to set so that they are smaller: "use a smaller embedding_size (256)"
    least   bytes that are left of them wherever that is set
    """

    bytes: float
    remedy: str
    least: float = 0.0

    @property
    def spared(self) -> float:
        """Bytes that the remedy can save."""
        return self.bytes - self.least


def check(component: str, parts: Sequence[Part], limit_gb: float | None = None) -> None:
    """Refuse a fit that needs more than there is, with the option that saves most, where one does; ConfigError.

    limit_gb  None: what the environment says, or the machine has left
    """
    needed = sum(part.bytes for part in parts)
    limit = allowed_gb() if limit_gb is None else limit_gb
    if needed > limit * GB:
        best = max(parts, key=lambda part: part.spared)
        helps = f"{best.remedy}, which saves {in_words(best.spared / GB)} at most"
        if best.spared < WORTH_NAMING * needed:
            helps = "none of its options makes that much smaller; take another model"
        raise ConfigError(
            f"{component}: the fit needs about {in_words(needed / GB)} of memory and {in_words(limit)} are left; "
            f"{helps}, or say in {ALLOWED} how many GB it may take."
        )


def allowed_gb() -> float:
    """What a fit may take, GB; infinite where nobody knows."""
    said = os.environ.get(ALLOWED)
    if not said:
        return min(_of_machine(), _of_container()) / GB
    try:
        allowed = float(said)
    except ValueError:
        allowed = -1.0
    if not allowed > 0:
        raise ConfigError(f"{ALLOWED}: '{said}' is no number of GB above 0; say 8, or leave it out.")
    return allowed


def in_words(gb: float) -> str:
    """'0.64 MB', '1.6 GB', '2.3 TB'."""
    if gb < 0.1:
        return f"{gb * 1000:.3g} MB"
    return f"{gb:.1f} GB" if gb < 1000 else f"{gb / 1000:.1f} TB"


def _of_machine() -> float:
    """Bytes that can be had without swapping."""
    if MEMINFO.is_file():
        for line in MEMINFO.read_text(encoding="utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024.0
    return float("inf")


def _of_container() -> float:
    """Bytes that this container may still take; caches that would be given back count as taken."""
    try:
        most, taken = ((CGROUP / name).read_text(encoding="utf-8").strip() for name in ("memory.max", "memory.current"))
        return float("inf") if most == "max" else float(int(most) - int(taken))
    except (OSError, ValueError):
        return float("inf")
