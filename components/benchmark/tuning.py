"""The search of options: Optuna tries, on the validation fold only, with one budget for every model.

A trial is one contest on the validation fold, in a process of its own; what was tried is kept in a SQLite file below
the folder of the run, so that an interrupted search goes on. The search begins with the line as it stands, and gives
that line back where nothing better was found.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from components.benchmark import lists, pruning
from components.benchmark.contest import FITS, Contest, Outcome, never
from components.benchmark.entrant import Spec
from components.benchmark.fits import Fits, Hours, code_of, key_of
from components.benchmark.protocols import Question, earlier, question
from components.benchmark.roster import in_days
from components.core.command_line import LARGEST_SEED, MOST_MINUTES
from components.core.config import Config, parse
from components.core.registry import ENTRANTS, MODELS
from components.core.space import Choice, Floats, Parameter
from components.evaluation.protocol import measure
from components.metrics.ranking import PER_USER

if TYPE_CHECKING:
    import optuna

STORE = "tune.db"
SPENT = "spent_seconds"
OBJECTIVE = "ndcg"
MEMBER = "its member "
COUNTS = "of the wall, a model's own trials; not the fits of the members that a fusion or a ranker joins, made before"
DIGITS = 4
LEAST_MINUTES = 0.01  # where none are left: what is kept of an earlier run is read, nothing else has the time


class TuneConfig(Config):
    """The budget, the same for every model: whichever of minutes and trials is used up first ends its search."""

    minutes: float = Field(10.0, gt=0, le=MOST_MINUTES, description="of the wall, for one model")
    trials: int = Field(30, ge=1, le=10_000, description="of one model, beside the line as it stands")
    seed: int = Field(7, ge=0, le=LARGEST_SEED)


@dataclass(frozen=True)
class Tried:
    """One trial.

    number  from 1; 0 is the line as it stands
    params  all options that differ from the component's defaults
    figures metric → mean over users; empty where the trial gave no lists, and `reason` says why
    """

    number: int
    params: dict[str, Any]
    figures: dict[str, float]
    started: float
    ended: float
    reason: str = ""
    curves: dict[str, list[float]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def value(self) -> float:
        """What is searched for: NDCG on the validation fold, below any where there is none."""
        return self.figures.get(OBJECTIVE, -1.0)

    @property
    def pruned(self) -> bool:
        """Whether it was ended because it fell behind."""
        return self.reason == pruning.PRUNED


@dataclass(frozen=True)
class Search:
    """The search of one line's options.

    lines    all lines of the run by name: what joins models takes them from here
    asked    the validation fold
    view     which lists are judged, k items each
    """

    config: TuneConfig
    lines: dict[str, Spec]
    asked: Question
    view: str
    k: int
    work: Path
    timed: bool
    tell: Callable[[str], None]

    def best(self, spec: Spec, study: optuna.Study, record: Callable[[Spec, Tried], None]) -> tuple[Tried, list[Tried]]:
        """The best trial and all of them, those of earlier runs among the latter.

        study   what `study` gave
        record  told of every trial that is over, those of earlier runs too: one may have been killed before it told
        """
        spent = float(study.user_attrs.get(SPENT, 0.0))
        reason, now = self._fit_members(spec), time.time()
        if reason:
            first = Tried(0, spec.params, {}, now, now, reason)
        else:
            watch = _booked(study, spent, never)
            first = self._tried(0, spec, spec.params, self._left(spent), watch)
        spent += first.ended - first.started  # next to nothing where it was done before
        study.set_user_attr(SPENT, spent)  # at once, as every few seconds of a trial: no minute is given twice
        self._tell(spec, first)
        tried = [first, *_earlier(study)]
        for known in tried:
            record(spec, known)
        space = {} if reason else self.space(spec)
        while space and len(tried) <= self.config.trials and spent < 60 * self.config.minutes:
            trial = study.ask()
            number = len(tried)
            params = spec.params
            for name, parameter in space.items():
                params = with_option(params, name, _suggest(trial, name, parameter))
            watch = pruning.Watch(trial) if spec.is_model else never  # trees that stop by themselves have no curve
            watch = _booked(study, spent, watch)
            done = self._tried(number, spec, params, self._left(spent), watch)
            spent += done.ended - done.started
            _close(study, trial, done, params)
            study.set_user_attr(SPENT, spent)
            self._tell(spec, done)
            record(spec, done)
            tried.append(done)
        return max(tried, key=lambda t: t.value), tried

    def _left(self, spent: float) -> float:
        """Minutes after so many seconds, never none: what an earlier run has fitted is still looked up."""
        return max(self.config.minutes - spent / 60, min(self.config.minutes, LEAST_MINUTES))

    def note(self, spec: Spec, tried: list[Tried]) -> str:
        """Why a line's options were not searched, in words; empty where they were."""
        if len(tried) > 1:
            return ""
        if not self.space(spec):
            return "nothing to vary: as it stands"
        if tried[0].reason.startswith(MEMBER):
            return f"no trial: {tried[0].reason}"
        return f"no trial in {self.config.minutes:g} minutes: as it stands"

    def _fit_members(self, spec: Spec) -> str:
        """Fit what a line joins, on every fold that it is fitted on, so that its minutes are for what is its own.

        Returns why one of them cannot be fitted within the minutes; empty where all are.
        """
        if spec.is_model:
            return ""
        contest = replace(self._contest(spec, self.config.minutes), views=())
        concerned = contest.concerned(spec.name)
        hours = Hours(math.inf, self.config.minutes)
        fits = Fits(self.work / FITS, {n: s for n, s in concerned.items() if s.is_model}, self.config.seed, hours)
        folds = [self.asked]
        if spec.learns_earlier:
            folds.append(question(self.asked.folder.parent, earlier(self.asked.name)))
        open_ = [(name, fold) for fold in folds for name in fits.specs if not fits.has(name, fold)]
        if open_:
            self.tell(f"{spec.name}: fitting its members first, not counted: {len(open_)} fits …")
        for name, fold in open_:
            outcome = replace(contest, asked=fold).outcome(name, self.config.seed)
            if outcome.folder is None:
                return f"{MEMBER}{name} on the fold {fold.name}: {outcome.reason}"
            shutil.rmtree(outcome.folder)  # the fit is what is kept
        return ""

    def space(self, spec: Spec) -> dict[str, Parameter]:
        """What may be tried of a line: without time stamps, nothing that counts days."""
        if spec.is_model:
            declared = MODELS.get(spec.component).Config.space
        else:
            entrant = ENTRANTS.get(spec.component)
            declared = entrant.space(parse(entrant.Config, spec.params, f"models.{spec.name}.params"))
        return {name: parameter for name, parameter in declared.items() if self.timed or not in_days(name)}

    def _tried(
        self, number: int, spec: Spec, params: dict[str, Any], minutes: float, watch: Callable[[Path], str]
    ) -> Tried:
        trial = replace(spec, params=params)
        contest = replace(self._contest(trial, minutes), watch=watch)
        started = time.time()
        outcome = contest.outcome(spec.name, self.config.seed)
        if spec.is_model and not outcome.resumed:  # nobody asks a trial again, but what joins models asks its members
            shutil.rmtree(contest.fit_folder(trial, self.config.seed), ignore_errors=True)
        told = outcome.told if outcome.folder else {"curves": {}, "remarks": []}
        figures = self._figures(outcome)
        return Tried(number, params, figures, started, time.time(), outcome.reason, told["curves"], told["remarks"])

    def _contest(self, spec: Spec, minutes: float) -> Contest:
        lines = self.lines | {spec.name: spec}
        return Contest(
            lines,
            self.asked,
            (self.view,),
            self.k,
            self.work,
            minutes,
            option="--minutes",
            members_fitted=not spec.is_model,
        )

    def _figures(self, outcome: Outcome) -> dict[str, float]:
        if outcome.folder is None:
            return {}
        task = self.asked.task
        found = lists.read_lists(outcome.folder / f"{self.view}.parquet", task, self.asked.data.items, self.k).items
        relevant = task.relevant[self.view]
        counted = relevant.getnnz(axis=1) > 0
        measured = measure(found, relevant, task.n_items, self.k)
        return {name: float(measured.per_user[name][counted].mean()) for name in PER_USER}

    def _tell(self, spec: Spec, tried: Tried) -> None:
        words = f"{OBJECTIVE.upper()}@{self.k} {tried.value:.4f}" if tried.figures else tried.reason
        words = "; ".join((words, *tried.remarks))
        which = "as it stands" if not tried.number else f"trial {tried.number}"
        self.tell(f"{spec.name}, {which}: {words}")

    def study(self, spec: Spec) -> optuna.Study:
        """What was tried of a line, now or by earlier runs; what one of those had under way has failed."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        name = f"{spec.name}-{self._identity(spec)}"
        self.work.mkdir(parents=True, exist_ok=True)
        storage = f"sqlite:///{(self.work / STORE).resolve()}"
        study = optuna.create_study(
            study_name=name,
            storage=storage,
            load_if_exists=True,
            direction="maximize",
            pruner=pruning.pruner(),
        )
        # The sampler's draws go on from where an earlier run stopped, not from the beginning.
        study.sampler = optuna.samplers.TPESampler(seed=(self.config.seed + len(study.trials)) % (LARGEST_SEED + 1))
        for left in study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING]):
            study.tell(left.number, state=optuna.trial.TrialState.FAIL)  # the run that had it was interrupted
        return study

    def _identity(self, spec: Spec) -> str:
        space = {name: repr(parameter) for name, parameter in self.space(spec).items()}
        data = self.asked.digest_for(spec.uses_content)
        concerned = self._contest(spec, self.config.minutes).concerned(spec.name)
        members = {name: [s.component, s.params] for name, s in concerned.items() if s != spec}
        reads = {name: found for name, s in concerned.items() if (found := s.reads())}
        facts = [spec.component, spec.params, space, data, self.view, self.k, self.config.seed]
        facts += [part for part in (members, reads) if part]
        facts += [self.asked.before] if spec.learns_earlier else []
        facts.append({name: code_of(s) for name, s in concerned.items()})  # figures of other code are not comparable
        return key_of({"of": facts})


def _booked(study: optuna.Study, spent: float, watch: Callable[[Path], str]) -> Callable[[Path], str]:
    """The watch of a trial that begins now, which also writes down what it has taken: it may be killed."""
    started = time.monotonic()

    def look(fit: Path) -> str:
        """Write down, then watch."""
        study.set_user_attr(SPENT, spent + time.monotonic() - started)
        return watch(fit)

    return look


def with_option(params: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """The options with one of them set; `outer.inner` is one within another, whose name may have dots."""
    outer, _, inner = name.partition(".")
    return params | {outer: (params.get(outer) or {}) | {inner: value} if inner else value}


def _suggest(trial: optuna.Trial, name: str, parameter: Parameter) -> Any:
    if isinstance(parameter, Choice):
        return trial.suggest_categorical(name, parameter.values)
    if isinstance(parameter, Floats):
        value = trial.suggest_float(name, parameter.low, parameter.high, log=parameter.log)
        return float(f"{value:.{DIGITS}g}")  # a params file is read by people
    return trial.suggest_int(name, parameter.low, parameter.high, log=parameter.log)


def _close(study: optuna.Study, trial: optuna.Trial, done: Tried, params: dict[str, Any]) -> None:
    from optuna.trial import TrialState

    facts = {"params": params, "figures": done.figures, "reason": done.reason, "span": [done.started, done.ended]}
    facts |= {"curves": done.curves, "remarks": done.remarks}
    trial.set_user_attr("tried", facts)
    if done.figures:
        study.tell(trial, done.value)
    else:
        study.tell(trial, state=TrialState.PRUNED if done.pruned else TrialState.FAIL)


def _earlier(study: optuna.Study) -> list[Tried]:
    """The trials that earlier runs finished."""
    known = [t.user_attrs["tried"] for t in study.get_trials(deepcopy=False) if "tried" in t.user_attrs]
    return [
        Tried(
            number,
            facts["params"],
            facts["figures"],
            *facts["span"],
            facts["reason"],
            facts["curves"],
            facts["remarks"],
        )
        for number, facts in enumerate(known, start=1)
    ]
