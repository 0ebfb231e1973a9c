"""Ask pip-audit about every locked package, and say how many it could tell nothing of.

python -m tests.audit

pip-audit calls a package that its advisory source does not know "skipped", and ends well; where the source is a mirror
that serves no advisories it skips all of them and says that no vulnerability was found. Here those are not audited, and
a source that knows nothing of a short lock file is not asked about the long one.
Ends with 0 if every package was audited and none is known to be weak, 1 if one is, 3 if some were not audited.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).parents[1]
LOCKS = ("requirements-spark.lock", "requirements-data.lock", "requirements.lock")  # the long one last
WEAK_CODE, NOT_AUDITED_CODE = 1, 3
GIVEN_UP_AFTER_S = 600
NAMED = 5  # packages of a kind that are named
QUIET = ["--require-hashes", "--disable-pip", "--progress-spinner", "off", "--timeout", "10", "-f", "json"]


@dataclass
class Verdict:
    """Of one lock file: packages known to be weak, with what of; packages that were audited; those that were not."""

    weak: dict[str, list[str]] = field(default_factory=dict)
    sound: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    silence: str | None = None  # why there is no report

    @property
    def code(self) -> int:
        """The exit code that this verdict asks for."""
        if self.weak:
            return WEAK_CODE
        return NOT_AUDITED_CODE if self.skipped or self.silence or not self.sound else 0

    def __str__(self) -> str:
        """In words."""
        if self.silence is not None:
            return f"NOT AUDITED: {self.silence}"
        told = [f"{len(self.sound) + len(self.weak)} packages audited, {len(self.weak)} known to be weak"]
        told += [f"  {name}: {', '.join(ids)}" for name, ids in self.weak.items()]
        if self.skipped:
            more = ", …" if len(self.skipped) > NAMED else ""
            named = ", ".join(self.skipped[:NAMED]) + more
            told.append(f"  NOT AUDITED, the source knows nothing of them: {len(self.skipped)} ({named})")
        return "\n".join(told)


def verdict(said: str, errors: str = "") -> Verdict:
    """What a report of pip-audit says. errors: what it said beside it."""
    try:
        packages = json.loads(said[said.index("{") :])["dependencies"]
    except (ValueError, KeyError):
        last = (errors.strip().splitlines() or ["it said nothing"])[-1]
        return Verdict(silence=f"no advisory source answered ({last[:200]})")
    found = Verdict()
    for package in packages:
        name = package["name"]
        if "skip_reason" in package:
            found.skipped.append(name)
        elif package.get("vulns"):
            found.weak[f"{name} {package['version']}"] = [weakness["id"] for weakness in package["vulns"]]
        else:
            found.sound.append(name)
    return found


def ask(lock: str) -> Verdict:
    """Run pip-audit over one lock file."""
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv), "tool", "run", "pip-audit", *QUIET, "-r", lock]
    try:
        done = subprocess.run(
            command, cwd=PROJECT, env=os.environ, capture_output=True, text=True, timeout=GIVEN_UP_AFTER_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as e:
        return Verdict(silence=str(e))
    return verdict(done.stdout, done.stderr)


def main() -> int:
    """Print the verdict on every lock file; returns the exit code."""
    codes = []
    for lock in LOCKS:
        found = ask(lock)
        print(f"{lock}: {found}", flush=True)
        codes.append(found.code)
        if not found.sound and not found.weak:
            print("the source has no advisories; it is not asked about the other lock files")
            break
    return WEAK_CODE if WEAK_CODE in codes else max(codes)


if __name__ == "__main__":
    raise SystemExit(main())
