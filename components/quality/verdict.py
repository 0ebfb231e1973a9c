"""Verdicts: what Great Expectations found about one rule, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from components.quality.suites import QUARANTINE, STOP, WARN

HOLDS = "holds"


@dataclass(frozen=True)
class Verdict:
    """One rule, judged on the whole table.

    evaluated   rows looked at; None for rules about the table as a whole
    unexpected  rows that break the rule; 0 or 1 for rules about the table
    observed    what was found instead, in words; empty if nothing is worth saying
    query       SQL that selects `row` of every row that breaks the rule; None if there is none
    broken      why the rule could not be judged (that stops the run, whatever its outcome); empty if it could
    """

    table: str
    rule: str
    outcome: str
    words: str
    why: str
    holds: bool
    evaluated: int | None = None
    unexpected: int = 0
    observed: str = ""
    query: str | None = None
    broken: str = ""

    @property
    def follows(self) -> str:
        """What follows: `holds`, `quarantine`, `warn` or `stop`."""
        if self.broken:
            return STOP
        return HOLDS if self.holds else self.outcome

    @property
    def share(self) -> float | None:
        """Share of the evaluated rows that break the rule; None for rules about the table."""
        return self.unexpected / self.evaluated if self.evaluated else None

    def as_dict(self) -> dict[str, Any]:
        """For report.json."""
        names = ("table", "rule", "words", "why", "evaluated", "unexpected", "observed", "broken")
        return {name: getattr(self, name) for name in names} | {"share": self.share, "outcome": self.follows}


def verdict(table: str, meta: dict[str, str], result: dict[str, Any]) -> Verdict:
    """Read one result of Great Expectations (its JSON form, result format BASIC with the index query).

    A rule that raised, or that looked at no row at all, is broken: it has not been shown to hold.
    """
    found = result["result"]
    named = {"table": table} | {key: meta[key] for key in ("rule", "outcome", "words", "why")}
    if not found or "observed_value" in found:
        return Verdict(**named, holds=result["success"], unexpected=int(not result["success"]), **_of_table(result))
    evaluated = found["element_count"] - found.get("missing_count", 0)
    return Verdict(
        **named,
        holds=result["success"],
        evaluated=evaluated,
        unexpected=found["unexpected_count"],
        observed=_examples(found.get("partial_unexpected_list") or []),
        query=found.get("unexpected_index_query") if found["unexpected_count"] else None,
        broken="" if evaluated else "it looked at no row",
    )


def _of_table(result: dict[str, Any]) -> dict[str, str]:
    exceptions = _exceptions(result.get("exception_info") or {})
    if exceptions:
        return {"broken": exceptions}
    observed = result["result"].get("observed_value")
    if observed is None and not result["result"].get("details"):
        return {"broken": "it observed nothing"}
    text = f"{observed:,}" if isinstance(observed, int) else str(observed)
    return {"observed": "" if result["success"] and isinstance(observed, list) else text}


def _exceptions(info: dict[str, Any]) -> str:
    parts = [info] if "raised_exception" in info else list(info.values())
    return "; ".join(sorted({part["exception_message"] or "it failed" for part in parts if part["raised_exception"]}))


def _examples(values: list[Any]) -> str:
    distinct = sorted({"missing" if value is None else str(value) for value in values})
    return f"e.g. {', '.join(distinct)}" if distinct else ""


def worst(verdicts: list[Verdict]) -> str:
    """The gravest thing that follows from some verdicts."""
    order = (HOLDS, WARN, QUARANTINE, STOP)
    return max((v.follows for v in verdicts), key=order.index, default=STOP)
