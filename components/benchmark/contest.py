"""The run: every entrant and seed in a process of its own, one after the other; what is done is not done again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from components.benchmark.entrant import Spec
from components.benchmark.fits import code_of, fit_key, key_of
from components.benchmark.protocols import Question
from components.benchmark.worker import RESULT, Job
from components.core.bundle import read_json
from components.core.config import parse
from components.core.registry import ENTRANTS
from components.core.source_files import PROJECT, digest_of, files_of

WORKER = "components.benchmark.worker"
RESULTS, FITS, JOBS = "results", "fits", "jobs"
WATCH_EVERY_S = 2.0
TWICE = 2  # an entrant that learns from the fold before the one that is asked fits its members there too
HOURS_FROM = 2  # fewer are told in minutes
GRACE_S = 5.0  # between asking a process to end and ending it


@dataclass(frozen=True)
class Outcome:
    """One entrant with one seed.

    folder  with its lists and result.json; None where there are none, and `reason` says why
    """

    name: str
    seed: int
    folder: Path | None = None
    reason: str = ""
    resumed: bool = False

    @property
    def told(self) -> dict[str, Any]:
        """What it cost and remarked."""
        return read_json(self.folder / RESULT)


def never(_: Path) -> str:
    """Who watches a fit and never ends it."""
    return ""


@dataclass(frozen=True)
class Contest:
    """What all processes of a run share.

    specs    all lines of the run, by name
    work     folder for results, fitted models and jobs
    minutes  of the wall, for fitting and asking one entrant once; twice as many where its members are fitted on the
             fold before too
    watch    called every few seconds with the folder of the model's fit; a word ends the process, and is the reason
    option   of the command, that says the minutes
    members_fitted  before, so that nobody has twice the minutes
    """

    specs: dict[str, Spec]
    asked: Question
    views: tuple[str, ...]
    k: int
    work: Path
    minutes: float
    watch: Callable[[Path], str] = never
    option: str = "--minutes-per-model"
    members_fitted: bool = False

    def hold(self, names: Iterable[str], seeds: Iterable[int], tell: Callable[[str], None]) -> list[Outcome]:
        """All outcomes; `tell` is called with one line about each.

        Single models come first: one that a ranker or a fusion fits as its member keeps the cost of that process.
        """
        in_turn = sorted(names, key=lambda name: not self.specs[name].is_model)
        wanted = [(name, seed) for name in in_turn for seed in seeds]
        open_ = [pair for pair in wanted if not self.found(*pair)]
        if open_:
            tell(self._ahead(open_))
        outcomes = []
        for at, (name, seed) in enumerate(wanted, start=1):
            head = f"[{at}/{len(wanted)}] {name}, seed {seed}"
            outcome = self.outcome(name, seed, lambda head=head: tell(f"{head} …"))
            tell(f"{head}: {_words(outcome)}")
            outcomes.append(outcome)
        return outcomes

    def outcome(self, name: str, seed: int, begin: Callable[[], None] = lambda: None) -> Outcome:
        """One entrant with one seed, run now or found."""
        if found := self.found(name, seed):
            return Outcome(name, seed, found, resumed=True)
        folder = self._folder(name, seed)
        begin()
        job = Job(
            name, self.concerned(name), str(self.asked.folder.parent.resolve()), self.asked.name, self.views, self.k,
            seed, str(folder.resolve()), str((self.work / FITS).resolve()),
            time.monotonic() + 60 * self.limit(name), self.minutes,
        )  # fmt: skip
        reason = self._run(job)
        return Outcome(name, seed, folder if not reason else None, reason)

    def found(self, name: str, seed: int) -> Path | None:
        """The folder of a result that is there already, and would not be better for the minutes there are now."""
        folder = self._folder(name, seed)
        if not (folder / RESULT).is_file():
            return None
        pressed = read_json(folder / RESULT).get("pressed")
        return folder if pressed is None or pressed >= self.minutes else None

    def _folder(self, name: str, seed: int) -> Path:
        return self.work / RESULTS / self.key(name, seed)

    def key(self, name: str, seed: int) -> str:
        """A name for a result: data, protocol, entrants concerned with their options and code, views, k and seed."""
        concerned = self.concerned(name)
        content = any(spec.uses_content for spec in concerned.values())
        return key_of(
            {
                "asked": self.asked.digest_for(content),
                "learnt": self.asked.before[: 1 + content] if self.specs[name].learns_earlier else (),
                "specs": {n: asdict(spec) for n, spec in concerned.items()},
                "reads": {n: spec.reads() for n, spec in concerned.items()},
                "code": [code_of(spec) for _, spec in sorted(concerned.items())] + [digest_of(files_of(WORKER))],
                "name": name,
                "views": self.views,
                "k": self.k,
                "seed": seed,
            }
        )

    def fit_folder(self, spec: Spec, seed: int) -> Path:
        """Where the fit of a single model is kept, while it runs too."""
        return self.work / FITS / fit_key(spec, self.asked, seed)

    def limit(self, name: str) -> float:
        """Minutes of the wall that an entrant has, once."""
        return TWICE * self.minutes if self.specs[name].learns_earlier and not self.members_fitted else self.minutes

    def _ahead(self, wanted: list[tuple[str, int]]) -> str:
        """What is to come, before it begins: how many, how long at most, and that nothing done is lost."""
        hours = sum(self.limit(name) for name, _ in wanted) / 60
        most = f"{hours:.1f} hours" if hours >= HOURS_FROM else f"{60 * hours:.3g} minutes"
        many, order = ("runs", ", one after the other") if len(wanted) > 1 else ("run", "")
        longer = [name for name in dict.fromkeys(n for n, _ in wanted) if self.limit(name) > self.minutes]
        but = f" ({', '.join(longer)}: {TWICE * self.minutes:g})" if longer else ""
        return (
            f"{len(wanted)} {many} ahead{order}; each is ended after {self.minutes:g} minutes{but}, so {most} at most "
            "(--minutes-per-model). Whoever fails or is ended costs the others nothing, and the same command goes on "
            "where it was."
        )

    def concerned(self, name: str) -> dict[str, Spec]:
        """The entrant and the models it is made of."""
        spec = self.specs[name]
        if spec.is_model:
            return {name: spec}
        cls = ENTRANTS.get(spec.component)
        config = parse(cls.Config, spec.params, f"models.{name}.params")
        single = [n for n, s in self.specs.items() if s.is_model]
        return {name: spec} | {n: self.specs[n] for n in cls.members(config, single) if n in self.specs}

    def _wait(self, process: subprocess.Popen, job: Job) -> int:
        """Exit code of a process; _EndedError where it took too long, or whoever watches it has seen enough."""
        spec = job.specs[job.name]
        fit = self.fit_folder(spec, job.seed) if spec.is_model else self.work
        minutes = self.limit(job.name)
        deadline = time.monotonic() + 60 * minutes
        while True:
            try:
                return process.wait(min(WATCH_EVERY_S, max(deadline - time.monotonic(), 0)))
            except subprocess.TimeoutExpired:
                if time.monotonic() >= deadline:
                    raise _EndedError(f"ended after {minutes:.3g} minutes; give more {self.option}") from None
                if reason := self.watch(fit):
                    raise _EndedError(reason) from None

    def _run(self, job: Job) -> str:
        """Run the job in a process of its own; why there is no result, or nothing."""
        path = self.work / JOBS / f"{Path(job.result).name}.json"
        job.write(path)
        Path(job.result).parent.mkdir(parents=True, exist_ok=True)
        job.failure.unlink(missing_ok=True)
        python_path = os.pathsep.join([str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])])
        process = subprocess.Popen(
            [sys.executable, "-m", WORKER, str(path)],
            env=os.environ | {"PYTHONPATH": python_path},
            start_new_session=True,  # so that it can be ended with all it started
        )
        try:
            code = self._wait(process, job)
        except _EndedError as e:
            return str(e)
        finally:
            _end(process)
        if job.failure.is_file():
            return read_json(job.failure)["reason"]
        if code < 0:
            likely = ", probably for want of memory" if -code == signal.SIGKILL else ""
            return f"ended by signal {signal.Signals(-code).name}{likely}"
        return f"ended with code {code}" if code else ""


class _EndedError(Exception):
    """The process was ended; the words say why."""


def _end(process: subprocess.Popen) -> None:
    """End a process and all that it started, if it still runs; it leads a session of its own."""
    if process.poll() is not None:
        return
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sign)
            process.wait(GRACE_S)
            return
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            return


def _words(outcome: Outcome) -> str:
    if outcome.folder is None:
        return outcome.reason
    told = outcome.told
    words = f"fitted in {told['fit']['cpu_seconds']:.1f} CPU s, asked in {told['ask']['cpu_seconds']:.1f} CPU s"
    return f"{words} (done before)" if outcome.resumed else words
