"""The model card of a release: what it was made from, how well it did and where not, what it is for, how it was made.

Everything in it is read from what the steps wrote; nothing is typed in by hand but the intended use. It lies in the
release itself, so it is as old as the release and sealed with it. Equal parts give an equal card: no clock, no commit.
Source: Mitchell et al. 2019, doi:10.1145/3287560.3287596.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.core import bundle, layout
from components.core.errors import BundleError
from components.core.schema import RANKER
from components.evaluation.compare import Figure, with_interval
from components.evaluation.nominees import SET_ASIDE, standing_in, words_of
from components.evaluation.protocol import CUTOFF, VIEWS
from components.release.list_wishes import LIST_POLICY
from components.release.release import HISTORY_EVENTS
from components.report.page import Page

MARKDOWN, HTML = "model_card.md", "model_card.html"
FILES = (MARKDOWN, HTML)
DATA, SPLIT, METRICS, SLICES, ROBUSTNESS = "Data", "Split", "Metrics", "Slices", "Robustness"
CALIBRATION, LIMITS, USE, MADE = "Calibration", "Limits", "Intended use", "How it was made"
NEEDED = (USE, DATA, SPLIT, METRICS, SLICES, ROBUSTNESS, CALIBRATION, LIMITS, MADE)  # in the order of the card
INTENDED_USE = (
    "Ranks the catalogue of the shop whose data it was fitted on, for people who buy there: lists to choose from. Not "
    "for decisions about people (credit, prices, fraud), not for another shop, not for items outside its catalogue."
)
NOT_JUDGED = "not judged: too few held-out users bought a candidate, so the scores order items and are no probabilities"
NOT_THE_STAND_INS = "not told: the curve of probabilities was fitted on the ranker's scores, not on its stand-in's"
SHOWN = ("ndcg", "recall", "mrr", "hit_rate", "coverage")


@dataclass(frozen=True)
class Section:
    """One part of the card: sentences, and a table where figures are told."""

    title: str
    words: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return not any(self.words) and not self.rows


def gather(root: Path, facts: dict[str, Any], histories: str, intended_use: str = INTENDED_USE) -> list[Section]:
    """The card of the release that is being assembled in `root`; a part whose report is missing stays empty.

    facts      release.json
    histories  digest of the histories it was fitted on. That of the raw tables is provenance, which an equal release
               from an equal table elsewhere does not share: it stands in manifest.json and on the version.
    """
    evaluation, robustness, quality = (
        _report(root / folder / "report.json") for folder in (layout.EVALUATION, layout.ROBUSTNESS, layout.QUALITY)
    )
    return [
        Section(USE, (intended_use,)),
        _data(facts, histories, quality),
        _split(evaluation),
        _metrics(evaluation),
        _slices(evaluation),
        Section(ROBUSTNESS, tuple(robustness.get("reasons", ()))),
        Section(CALIBRATION, (_calibration(root, evaluation),)),
        Section(LIMITS, _limits(evaluation, facts)),
        _made(root, facts, evaluation),
    ]


def missing(sections: Sequence[Section]) -> list[str]:
    """Titles of needed parts that are not there or say nothing."""
    told = {section.title for section in sections if not section.is_empty}
    return [title for title in NEEDED if title not in told]


def write(folder: Path, name: str, sections: Sequence[Section]) -> None:
    """Write the card as Markdown and as one page that opens offline."""
    bundle.write_text(folder / MARKDOWN, _markdown(name, sections))
    page = Page(f"Model card of {name}", "Generated from what the steps measured")
    for section in sections:
        page.heading(section.title)
        for sentence in section.words:
            page.text(sentence)
        if section.rows:
            page.table(section.columns, section.rows)
    page.write(folder / HTML)


def _report(path: Path) -> dict[str, Any]:
    try:
        return bundle.read_json(path)
    except BundleError:  # not there: the part stays empty, and the gate says so
        return {}


def _data(facts: dict[str, Any], histories: str, quality: dict[str, Any]) -> Section:
    if not quality:
        return Section(DATA)
    words = (
        f"Histories of digest {histories}, events up to {facts['cutoff_time']}.",
        "The digest of the raw tables stands in manifest.json, under provenance, and among the version's tags.",
        f"Knows {facts['users']:,} users and {facts['items']:,} items.",
        f"Data report: {quality.get('headline', 'accepted' if quality['accepted'] else 'REFUSED')}",
    )
    return Section(DATA, words)


def _split(evaluation: dict[str, Any]) -> Section:
    split = evaluation.get("split")
    if not split:
        return Section(SPLIT)
    counted = ", ".join(f"{count:,} count on {view} items" for view, count in evaluation["counted"].items())
    judged = (
        f"Judged on {evaluation['users']:,} users of the fold {evaluation['fold']}, cut off at "
        f"{evaluation['cutoff_time']}, over the full catalogue; {counted}."
    )
    return Section(SPLIT, (f"Method {split['method']}; leaks: {split['leaks']}.", judged))


def _metrics(evaluation: dict[str, Any]) -> Section:
    rows = tuple(
        (name, view, *(_cell(views[view].get(f"{metric}_at_{CUTOFF}")) for metric in SHOWN))
        for view in VIEWS
        for name, views in sorted(evaluation.get("models", {}).items(), key=lambda pair: (pair[0] != RANKER, pair[0]))
    )
    columns = ("recommender", "items", *(f"{metric}@{CUTOFF}" for metric in SHOWN))
    words = (f"Means over users with 95 % intervals; this release is '{RANKER}'.",) if rows else ()
    told = (words_of(evaluation), f"'{SET_ASIDE}' is the ranker that gave way.") if standing_in(evaluation) else ()
    return Section(METRICS, (*words, *told), columns, rows)


def _slices(evaluation: dict[str, Any]) -> Section:
    baseline = evaluation.get("slice_baseline", "")
    rows = tuple(
        (name, part["users"], _cell(part["ranker"]), _cell(part["baseline"]))
        for name, part in evaluation.get("slices", {}).items()
    )
    return Section(SLICES, (), ("users with", "users", f"NDCG@{CUTOFF}", f"NDCG@{CUTOFF} of {baseline}"), rows)


def _calibration(root: Path, evaluation: dict[str, Any]) -> str:
    if standing_in(evaluation):
        return NOT_THE_STAND_INS
    found = _report(root / layout.RANKER / layout.CALIBRATION_FILE)
    if not found:
        return NOT_JUDGED
    error, rate, pairs = found["expected_calibration_error"], found["base_rate"], found["pairs"]
    return (
        f"Probabilities by an isotonic curve; expected calibration error {error:.4f} over {pairs:,} candidates of "
        f"users it was not fitted on, those who bought nothing among them; {rate:.4f} of the candidates were bought. "
        f"Skill over telling everybody that rate: {found['skill']:.3f} (1 is perfect, 0 none)."
    )


def _served_otherwise(facts: dict[str, Any]) -> tuple[str, ...]:
    """What serving does to the lists that were judged."""
    declared = facts.get(LIST_POLICY)
    if not declared:
        return ()
    wishes = "; ".join(f"{name}: {json.dumps(wish)}" for name, wish in declared.items())
    return (
        f"The figures are of the ranker's own lists. Served lists follow a list policy that was not judged: {wishes}.",
    )


def _limits(evaluation: dict[str, Any], facts: dict[str, Any]) -> tuple[str, ...]:
    if not evaluation:
        return ()
    outside = (
        f"{evaluation['target_outside_share']:.1%} of what was bought in the test window lies outside its catalogue, "
        f"and {evaluation['target_unknown_users']:,} users there were unknown to it: both are left out of the figures."
    )
    kinds = ", ".join(facts[HISTORY_EVENTS])
    known = f"A history holds events of type {kinds}, here as in the service; others change no answer."
    return (
        outside,
        f"An unknown user is shown what is popular. {known}",
        "Figures are of the past: what people bought while shown something else. An experiment tells what it earns.",
        *_served_otherwise(facts),
    )


def _made(root: Path, facts: dict[str, Any], evaluation: dict[str, Any]) -> Section:
    choice = _report(root / layout.RANKER / "choice.json")
    most = choice.get("candidates_per_model", "all")
    order, stand_in = choice.get("order", "by the trees alone"), standing_in(evaluation)
    words = (
        f"Ranker (version {facts['ranker_version']}) over up to {most} candidates of each model.",
        f"Its order: {f'{stand_in} alone, the stand-in (see {METRICS})' if stand_in else order}.",
        "The commit and the receipts of every step stand in the version's lineage (`shoploop lineage`).",
    )
    rows = tuple((name, m["component"], m["version"]) for name, m in sorted(facts["models"].items()))
    return Section(MADE, words, ("model", "component", "version"), rows)


def _cell(figure: Figure | None) -> str:
    return with_interval(figure) if figure else "–"


def _markdown(name: str, sections: Sequence[Section]) -> str:
    lines = [f"# Model card of {name}", ""]
    for section in sections:
        lines += [f"## {section.title}", ""]
        lines += [line for sentence in section.words for line in (_plain(sentence), "")]
        if section.rows:
            lines += [_row(section.columns), _row(["---"] * len(section.columns)), *map(_row, section.rows), ""]
    return "\n".join(lines)


def _row(cells: Sequence[Any]) -> str:
    return f"| {' | '.join(_plain(str(cell)).replace('|', chr(92) + '|') for cell in cells)} |"


def _plain(text: str) -> str:
    """A shop's own words never become markup or a new line."""
    return " ".join(text.replace("<", "&lt;").split())
