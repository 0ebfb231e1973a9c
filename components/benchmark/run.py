"""A benchmark from a path to a report: read, split, let every entrant run, measure, tell."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from components.benchmark import lists, page, standings, text
from components.benchmark.contest import Contest, Outcome
from components.benchmark.entrant import Spec
from components.benchmark.material import Material
from components.benchmark.protocols import Question, prepare, question, splitter, told
from components.benchmark.roster import ALL, readers
from components.benchmark.shape import fitted_to, shape_of
from components.benchmark.standings import Entry
from components.core import layout, rng
from components.core.bundle import read_json, replacing, sha256, write_json
from components.core.command_line import LARGEST_SEED, MOST_MINUTES, MOST_SEEDS
from components.core.config import Config
from components.core.errors import DataError
from components.core.folder_lock import alone
from components.core.outputs import Output
from components.core.ranking import NO_ITEM
from components.evaluation.protocol import NEW, VIEWS
from components.splits.splitter import Splitter

FORMAT = 1
WORK = ".work"  # below the folder of the report: prepared data, results, fitted models; safe to remove
REPORT = "report.json"
LISTS = "lists"
ANY_LISTS = f"{LISTS}/*.parquet"
FOREIGN = "lists handed in"
OUTPUT = Output(
    "a benchmark",
    {REPORT: ("format", "data", "entries"), f"{WORK}/data": ()},
    ("report.*", ANY_LISTS, "relevant*.parquet"),
    ("report.json", "report.md", "report.html", f"{LISTS}/**/*", "relevant*.parquet"),
)
SEEN_WORDS = "places hold items of the user's own history, which are masked for the others"
SEEN_WORDS_OF_REPEATS = "places hold items of the user's own history; among new items later places move up to them"


class BenchmarkConfig(Config):
    """What is asked of all entrants.

    repeats     items of the history stay in the lists: two views, "all" and "new"; else they are masked
    validation  ask the validation fold instead of the test fold: to choose presets and options by
    density     options of section `split`: min_users_per_item, min_items_per_user, …
    minutes     of the wall, for fitting and asking one entrant once
    """

    protocol: str
    seeds: int = Field(1, ge=1, le=MOST_SEEDS)
    first_seed: int = Field(text.USUAL["first_seed"], ge=0, le=LARGEST_SEED - MOST_SEEDS)
    k: int = Field(text.USUAL["k"], ge=1, le=1000)
    repeats: bool = False
    validation: bool = False
    minutes: float = Field(text.USUAL["minutes"], gt=0, le=MOST_MINUTES)
    density: dict[str, Any] = Field(default_factory=dict)

    @property
    def views(self) -> tuple[str, ...]:
        """The views that are measured; the first is the one that orders the table."""
        return VIEWS if self.repeats else (NEW,)

    @property
    def fold(self) -> str:
        """The fold that is asked."""
        return layout.VALIDATION_FOLD if self.validation else layout.TEST_FOLD

    def learn_earlier(self, specs: dict[str, Spec], names: Iterable[str]) -> bool:
        """Whether one of the names learns from the fold before the validation, which is not made otherwise."""
        return self.validation and any(specs[name].learns_earlier for name in names)


@dataclass(frozen=True)
class Roster:
    """Who runs.

    specs    all lines by name; names: those that run; unable: name → why it cannot do the data
    foreign  name → parquet with somebody else's lists
    params   what is told of the file with options of one's own; None where there is none
    models   as they were asked for: all, or names separated by commas
    """

    specs: dict[str, Spec]
    names: list[str]
    unable: dict[str, str]
    foreign: dict[str, Path]
    params: dict[str, Any] | None = None
    models: str = ALL


def run(
    config: BenchmarkConfig, material: Material, roster: Roster, out: Path, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Write the report, the lists and what was to be foretold to `out`, and give the report back.

    Writes   report.{json,md,html}, lists/<name>.parquet, relevant.parquet; what can be resumed to out/.work
    Raises   DataError if no entrant is left to ask, none gave lists, or a foreign file is no lists; ConfigError if
             `out` holds files of such names that are no benchmark's
    """
    out = Path(out)
    OUTPUT.check(out)
    with alone(out / WORK):
        _output(out, roster.names).check(out)
        return _run(config, material, roster, out, tell)


def _run(
    config: BenchmarkConfig, material: Material, roster: Roster, out: Path, tell: Callable[[str], None]
) -> dict[str, Any]:
    names = [name for name in roster.names if name not in roster.unable]
    if not names and not roster.foreign:
        raise DataError(f"benchmark: nobody is left to ask: {_told(roster.unable)}.")
    tell(f"reading {material.name} …")
    course = course_of(config, material, roster.specs, names, out / WORK / "data")
    asked, views = course.asked, course.views
    foreign = _foreign_entries(roster.foreign, asked, views, config)  # refuses a bad file before anything is fitted
    specs, chosen = fitted_to(roster.specs, shape_of(course.prepared))
    roster = replace(roster, specs=specs)
    contest = Contest(roster.specs, asked, views, config.k, out / WORK, config.minutes)
    outcomes = contest.hold(names, seeds_of(config), tell)
    tell("measuring …")
    entries = [*_entries(contest, outcomes, roster, chosen), *foreign]
    if not entries:
        reasons = roster.unable | {outcome.name: outcome.reason for outcome in outcomes}
        raise DataError(f"benchmark: nobody gave lists: {_told(reasons)}.")
    draw = rng.stream(config.first_seed, "benchmark")
    report = {
        "format": FORMAT,
        **course.told(material, config),
        "asked": config.model_dump(mode="json") | {"fold": config.fold, "views": views, "models": roster.models},
        "params": roster.params,
        "entries": {e.name: _words(e) for e in entries},
        "failed": [{"name": o.name, "seed": o.seed, "reason": o.reason} for o in outcomes if o.folder is None],
        "left_out": roster.unable,
        "views": standings.standings(entries, asked.task, popularity_of(asked), views, config.k, draw),
    }
    _write(report, outcomes, asked, config, out)
    return report


def _output(out: Path, names: Iterable[str]) -> Output:
    """OUTPUT with no other lists than those of this run, which may have been ended before its report, and of the last.

    names  of this run; lists that were handed in are somebody else's
    """
    told = read_json(out / REPORT).get("entries", {}) if (out / REPORT).is_file() else {}
    ours = [*names, *(name for name, entry in told.items() if entry["component"] != FOREIGN)]
    known = (pattern for name in ours for pattern in (f"{LISTS}/{name}.parquet", f"{LISTS}/{name}.*.parquet"))
    return replace(OUTPUT, files=(*(p for p in OUTPUT.files if p != ANY_LISTS), *known))


@dataclass(frozen=True)
class Course:
    """What everybody is asked: the folder of the folds, how they were cut, the fold's question, and its views."""

    prepared: Path
    split: Splitter
    asked: Question
    views: tuple[str, ...]

    def told(self, material: Material, config: BenchmarkConfig) -> dict[str, Any]:
        """What the report says of the data and of how they were cut."""
        named = {"name": material.name, "kind": material.kind, "has_times": material.has_times, "file": material.file}
        return {
            "data": told(self.prepared, config.fold) | named | _questions(self.asked, config),
            "split": self.split.config.model_dump(mode="json", exclude={"engine"}),
        }


def course_of(
    config: BenchmarkConfig, material: Material, specs: dict[str, Spec], names: list[str], folder: Path
) -> Course:
    """Cut the data; DataError where nobody can be asked, or models read what could not be read."""
    split = splitter(config.protocol, material, config.density, learns_earlier=config.learn_earlier(specs, names))
    prepared = prepare(material, split, folder)
    asked = question(prepared, config.fold)
    views = views_of(asked, config)
    refuse_unread(told(prepared, config.fold), readers(specs, names))
    return Course(prepared, split, asked, views)


def _told(reasons: dict[str, str]) -> str:
    """Reasons within a sentence, whose own full stop follows."""
    return "; ".join(f"{name}: {reason.rstrip('. ')}" for name, reason in reasons.items())


def views_of(asked: Question, config: BenchmarkConfig) -> tuple[str, ...]:
    """The views in which anybody has something to be foretold; DataError if there is none."""
    views = tuple(view for view in config.views if asked.task.relevant[view].nnz)
    if not views:
        raise DataError(
            "benchmark: every held-out item is in its user's own history, and such items are masked; --repeats leaves "
            "them in the lists."
        )
    return views


def refuse_unread(data: dict[str, Any], reading: list[str]) -> None:
    """DataError where what items are could not be read, and models of the run read it."""
    if data["unread_attributes"] and reading:
        raise DataError(
            f"{data['unread_attributes']} {', '.join(reading)} would read it; without them (--models) all others run."
        )


def seeds_of(config: BenchmarkConfig) -> range:
    """The seeds, one after the other."""
    return range(config.first_seed, config.first_seed + config.seeds)


def popularity_of(asked: Question) -> np.ndarray:
    """float64 (n_items,): events per item in what was fitted on."""
    return np.bincount(asked.data.histories.items, minlength=asked.task.n_items).astype(float)


def _entries(contest: Contest, outcomes: list[Outcome], roster: Roster, chosen: dict[str, list[str]]) -> list[Entry]:
    """One entry for every entrant that finished with all its seeds, or some of them."""
    entries = []
    for name in dict.fromkeys(o.name for o in outcomes):
        done = [o for o in outcomes if o.name == name and o.folder is not None]
        if done:
            found = {view: [_items(o.folder / f"{view}.parquet", contest) for o in done] for view in contest.views}
            remarks = tuple(dict.fromkeys([*chosen[name], *(r for o in done for r in o.told["remarks"])]))
            spec = roster.specs[name]
            entries.append(Entry(name, spec.component, spec.params, found, [o.told for o in done], remarks))
    return entries


def _items(path: Path, contest: Contest) -> np.ndarray:
    return lists.read_lists(path, contest.asked.task, contest.asked.data.items, contest.k).items


def _foreign_entries(
    files: dict[str, Path], asked: Question, views: tuple[str, ...], config: BenchmarkConfig
) -> list[Entry]:
    entries = []
    for name, path in files.items():
        read = lists.read_lists(path, asked.task, asked.data.items, config.k)
        seen = _seen_places(read.items, asked)
        remarks = [f"the lists of {path.name} (sha256 {sha256(path)})", *read.remarks]
        found = {view: [read.items] for view in views}
        if seen.any():
            remarks.append(f"{seen.sum():,} {SEEN_WORDS_OF_REPEATS if config.repeats else SEEN_WORDS}")
        if config.repeats and NEW in found:
            found[NEW] = [_moved_up(read.items, ~seen)]
        entries.append(Entry(name, FOREIGN, {}, found, [], tuple(remarks)))
    return entries


def _seen_places(items: np.ndarray, asked: Question) -> np.ndarray:
    """bool (n, k): the place holds an item of the user's own history."""
    held = np.zeros(items.shape, dtype=bool)
    rows, places = np.nonzero(items >= 0)
    if len(rows):  # scipy answers no places with a sparse matrix
        seen = asked.task.histories.matrix(asked.task.n_items, binary=True)
        held[rows, places] = np.asarray(seen[rows, items[rows, places]]).ravel() > 0
    return held


def _moved_up(items: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """int32 (n, k): the lists without some of their places; later ones move up, the end is empty."""
    order = np.argsort(~kept, axis=1, kind="stable")
    return np.where(np.take_along_axis(kept, order, axis=1), np.take_along_axis(items, order, axis=1), NO_ITEM)


def _questions(asked: Question, config: BenchmarkConfig) -> dict[str, Any]:
    task = asked.task
    return {
        "asked_users": len(task.histories),
        "digest": asked.digest,
        "only_seen_before": {v: int((task.relevant[v].getnnz(axis=1) == 0).sum()) for v in config.views},
    }


def _words(entry: Entry) -> dict[str, Any]:
    return {
        "component": entry.component,
        "params": entry.params,
        "cost": standings.cost_of(entry.costs),
        "remarks": list(entry.remarks),
        "curves": [cost["curves"] for cost in entry.costs if cost.get("curves")],
        "seeds": len(next(iter(entry.lists.values()))),
    }


def _write(
    report: dict[str, Any], outcomes: list[Outcome], asked: Question, config: BenchmarkConfig, out: Path
) -> None:
    with replacing(out / LISTS) as fresh:
        for outcome in outcomes:
            for view in report["asked"]["views"] if outcome.folder is not None else ():
                parts = [outcome.name]
                parts += [f"seed_{outcome.seed}"] if config.seeds > 1 else []
                parts += [view] if config.repeats else []
                shutil.copyfile(outcome.folder / f"{view}.parquet", fresh / f"{'.'.join(parts)}.parquet")
    for old in out.glob("relevant*.parquet"):  # of another protocol, or of other data
        old.unlink()
    for view in report["asked"]["views"]:
        name = f"relevant.{view}.parquet" if config.repeats else "relevant.parquet"
        lists.write_relevant(out / name, asked.task.relevant[view], asked.task.user_ids, asked.data.items)
    write_json(out / REPORT, report)
    text.write(report, out / "report.md")
    page.write(report, out / "report.html")
