"""Verdicts: what Great Expectations found about one rule, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from components.quality.rules import MAY_BE_EMPTY, Rule
from components.quality.suites import QUARANTINE, STOP, WARN
from components.quality.thresholds import OVERRIDE

HOLDS = "holds"
NOT_GIVEN = "not given"  # the rule is about an optional column that the source does not have
NOTHING = "nothing to judge"  # it found no row to look at, and says that this may be
REPEATS = "repeats"  # in a result on distinct rows: rows beyond the first of their kind
UNJUDGED = (NOT_GIVEN, NOTHING)
SHOWN = 100  # letters of an example: an id of ten thousand would push all else off the page


@dataclass(frozen=True)
class Verdict:
    """One rule, judged on the whole table.

    evaluated   rows looked at; None for rules about the table as a whole
    unexpected  rows that break the rule, or repeat another; 0 or 1 for rules about the table
    observed    what was found instead, in words; empty if nothing is worth saying
    query       SQL that selects `row` of every row that breaks the rule; None if there is none
    broken      why the rule could not be judged (that stops the run, whatever its outcome); empty if it could
    unjudged    why nothing had to be judged: `not given` or `nothing to judge`; empty if it was
    override    what params.yaml changed in the rule, in words; empty if nothing
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
    unjudged: str = ""
    override: str = ""

    @property
    def follows(self) -> str:
        """What follows: `holds`, `quarantine`, `warn` or `stop`; `not given` or `nothing to judge` where unjudged."""
        if self.broken:
            return STOP
        if self.unjudged:
            return self.unjudged
        return HOLDS if self.holds else self.outcome

    @property
    def share(self) -> float | None:
        """Share of the evaluated rows that break the rule; None for rules about the table."""
        return self.unexpected / self.evaluated if self.evaluated else None

    def as_dict(self) -> dict[str, Any]:
        """For report.json."""
        names = ("table", "rule", "words", "why", "evaluated", "unexpected", "observed", "broken", "override")
        return {name: getattr(self, name) for name in names} | {"share": self.share, "outcome": self.follows}


def verdict(table: str, rule: Rule, result: dict[str, Any]) -> Verdict:
    """Read one result of Great Expectations (its JSON form, result format BASIC with the index query).

    A rule that raised, or that looked at no row at all, is broken: it has not been shown to hold. Only a rule that
    says `may_be_empty` may look at no row; the report shows that it did.
    """
    found, named = result["result"], _named(table, rule)
    if not found or "observed_value" in found:
        unexpected = (found or {}).get(REPEATS, int(not result["success"]))
        return Verdict(**named, holds=result["success"], unexpected=unexpected, **_of_table(result))
    evaluated, unexpected = found["element_count"] - (found.get("missing_count") or 0), found["unexpected_count"] or 0
    if not evaluated:
        declared = rule["meta"].get(MAY_BE_EMPTY)
        words = {"observed": declared, "unjudged": NOTHING} if declared else {"broken": "it looked at no row"}
        return Verdict(**named, holds=bool(declared), evaluated=0, **words)
    return Verdict(
        **named,
        holds=result["success"],
        evaluated=evaluated,
        unexpected=unexpected,
        observed=_examples(found.get("partial_unexpected_list") or []),
        query=found.get("unexpected_index_query") if unexpected else None,
    )


def not_given(table: str, rule: Rule) -> Verdict:
    """The verdict on a rule about optional columns that the source does not give."""
    return Verdict(**_named(table, rule), holds=True, unjudged=NOT_GIVEN)


def _named(table: str, rule: Rule) -> dict[str, str]:
    meta = rule["meta"]
    named = {key: meta[key] for key in ("rule", "outcome", "words", "why")}
    return {"table": table, **named, "override": meta.get(OVERRIDE, "")}


def _of_table(result: dict[str, Any]) -> dict[str, str]:
    exceptions = _exceptions(result.get("exception_info") or {})
    if exceptions:
        return {"broken": exceptions}
    observed = result["result"].get("observed_value")
    if observed is None and not result["result"].get("details"):
        return {"broken": "it observed nothing"}
    if REPEATS in result["result"]:
        repeats = result["result"][REPEATS]
        return {"observed": f"{repeats:,} rows repeat another" if repeats else ""}
    text = f"{observed:,}" if isinstance(observed, int) else str(observed)
    return {"observed": "" if result["success"] and isinstance(observed, list) else text}


def _exceptions(info: dict[str, Any]) -> str:
    parts = [info] if "raised_exception" in info else list(info.values())
    return "; ".join(sorted({part["exception_message"] or "it failed" for part in parts if part["raised_exception"]}))


def _examples(values: list[Any]) -> str:
    told = [value for value in values if not isinstance(value, bool)]  # of a check column; its name says it all
    distinct = sorted({"missing" if value is None else shorten(str(value)) for value in told})
    return f"e.g. {', '.join(distinct)}" if distinct else ""


def shorten(text: str) -> str:
    """The start of a long text, with how long it is."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text):,} characters)"


def worst(verdicts: list[Verdict]) -> str:
    """The gravest thing that follows from some verdicts."""
    order = (*UNJUDGED, HOLDS, WARN, QUARANTINE, STOP)
    return max((v.follows for v in verdicts), key=order.index, default=STOP)
