"""Accounts: what landing says of raw files – lines that were no rows at all, and what it had to guess."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from components.core.bundle import read_json
from components.quality.quarantine import REJECTED
from components.quality.suites import STOP, WARN
from components.quality.verdict import Verdict

ACCOUNT = ".landed.json"
MOST_REMARKS = 30


@dataclass
class Accounts:
    """What landing says of its files, by raw table; sources that land nothing say nothing.

    rows, rejected  lines that became rows, and lines that were none
    files           parquet files of the rejected lines
    """

    rows: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    files: dict[str, list[Path]] = field(default_factory=dict)
    remarks: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, folder: Path) -> None:
        """Take in what was said when files of the raw table `name` were landed to `folder`."""
        said = Path(folder) / f"{name}{ACCOUNT}"
        if not said.is_file():
            return
        account = read_json(said)
        self.rows[name] = self.rows.get(name, 0) + account["rows"]
        self.rejected[name] = self.rejected.get(name, 0) + account["rejected"]
        self.remarks += [(name, remark) for remark in account["remarks"]]
        lines = Path(folder) / f"{name}{REJECTED}.parquet"
        if lines.is_file():
            self.files.setdefault(name, []).append(lines)

    def verdicts(self, limit: float) -> list[Verdict]:
        """One verdict per raw table on the share of its rejected lines, and a warning per remark."""
        shares = [
            _share(name, self.rejected[name], rows + self.rejected[name], limit) for name, rows in self.rows.items()
        ]
        return shares + [_remark(name, words, number) for number, (name, words) in enumerate(self.remarks, 1)]


def accounts_in(folder: Path, names: Iterable[str]) -> Accounts:
    """The accounts of several raw tables landed to one folder."""
    accounts = Accounts()
    for name in names:
        accounts.add(name, folder)
    return accounts


def _share(name: str, rejected: int, lines: int, limit: float) -> Verdict:
    return Verdict(
        name,
        "rejected_share",
        STOP,
        f"at most {limit:.1%} of the raw lines of {name} are no rows",
        "a file with more such lines is not what its format says: another delimiter, encoding or table",
        holds=rejected <= limit * lines,
        evaluated=lines,
        unexpected=rejected,
        observed=f"{rejected:,} of {lines:,} lines; they lie in artifacts/quarantine/{name}{REJECTED}.parquet"
        if rejected
        else "",
    )


def _remark(name: str, words: str, number: int) -> Verdict:
    return Verdict(
        name,
        f"landed_{number}",
        WARN,
        "the raw files say without doubt how they are to be read",
        "something was found out or passed over; declare it in params.yaml if it is as it should be",
        holds=False,
        observed=words,
    )
