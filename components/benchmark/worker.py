"""One entrant, fitted and asked in a process of its own: `python -m components.benchmark.worker JOB.json`.

It leaves a folder with its lists and what they cost, or a file that says in words why there are none.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from components.benchmark.entrant import Entrant, Lister, Spec, TopK, lister
from components.benchmark.fits import Cost, Fits, Hours, measured
from components.benchmark.lists import write_lists
from components.benchmark.protocols import Question, earlier, question
from components.core import environment, rng
from components.core.bundle import read_json, replacing, write_json
from components.core.config import parse
from components.core.errors import ShoploopError
from components.core.progress import track
from components.core.registry import ENTRANTS

RESULT = "result.json"
PARENT_EVERY_S = 2.0
FAILURE = ".failure.json"  # after the name of the result's folder


@dataclass(frozen=True)
class Job:
    """What one process does.

    name      of the entrant, among `specs`: all lines of the run by name
    prepared  folder of the folds; `fold` is asked
    views     which lists are wanted, k items each; without any it is fitted and not asked
    result    folder to write; fits: where fitted models are kept
    until     time.monotonic() at which the process is ended; minutes: of the wall for one fit with its asking
    """

    name: str
    specs: dict[str, Spec]
    prepared: str
    fold: str
    views: tuple[str, ...]
    k: int
    seed: int
    result: str
    fits: str
    until: float
    minutes: float

    @classmethod
    def read(cls, path: Path) -> Job:
        """From the file that `write` made."""
        facts = read_json(path)
        specs = {name: Spec(**spec) for name, spec in facts["specs"].items()}
        return cls(**facts | {"specs": specs, "views": tuple(facts["views"])})

    def write(self, path: Path) -> None:
        """To a file that another process reads."""
        write_json(path, asdict(self))

    @property
    def failure(self) -> Path:
        """Where the process says why there is no result."""
        return Path(self.result + FAILURE)


@dataclass
class Told:
    """What is kept beside the lists; pressed: a training stopped for want of the run's minutes, so many for one fit."""

    fit: dict[str, float]
    ask: dict[str, float]
    users: int
    remarks: list[str] = field(default_factory=list)
    curves: dict[str, list[float]] = field(default_factory=dict)
    pressed: float | None = None


def main(path: Path) -> int:
    """Do the job; 0 where its result is written."""
    environment.prepare()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    job = Job.read(path)
    try:
        run(job)
        return 0
    except MemoryError:
        write_json(job.failure, {"reason": "out of memory"})
    except ShoploopError as e:
        write_json(job.failure, {"reason": str(e)})
    except Exception as e:  # one model's fault is told in the table, whatever it is
        import traceback

        traceback.print_exc()
        write_json(job.failure, {"reason": f"{type(e).__name__}: {e}"})
    return 1


def _end_with(parent: int) -> None:
    """End this process when the benchmark that started it is gone, also where it was killed with -9."""
    while os.getppid() == parent:
        time.sleep(PARENT_EVERY_S)
    os.kill(os.getpid(), signal.SIGTERM)


def run(job: Job) -> None:
    """Fit, ask, write."""
    asked = question(Path(job.prepared), job.fold)
    fits = Fits(
        Path(job.fits), {n: s for n, s in job.specs.items() if s.is_model}, job.seed, Hours(job.until, job.minutes)
    )
    with measured() as fit:
        ask, told = _fitted(job, asked, fits)
    fit.add(fits.paid)
    with measured() as asking:
        lists = all_lists(ask, asked, job.views, job.k) if job.views else {}
    with replacing(Path(job.result)) as fresh:
        for view, found in lists.items():
            write_lists(fresh / f"{view}.parquet", found, asked.task.user_ids, asked.data.items)
        costs: dict[str, Cost] = {"fit": fit, "ask": asking}
        spent = {name: asdict(cost) for name, cost in costs.items()}
        facts = Told(**spent, users=len(asked.task.histories), remarks=fits.remarks, **told)
        facts.pressed = job.minutes if fits.pressed else None
        write_json(fresh / RESULT, asdict(facts))


def _fitted(job: Job, asked: Question, fits: Fits) -> tuple[Lister, dict[str, Any]]:
    spec = job.specs[job.name]
    if spec.is_model:
        model = fits.fitted(job.name, asked)
        return lister(model.score), {"curves": fits.curves[job.name]}
    cls = ENTRANTS.get(spec.component)
    entrant: Entrant = cls(parse(cls.Config, spec.params, f"models.{job.name}.params"), fits)
    first = question(Path(job.prepared), earlier(job.fold)) if cls.needs_earlier else None
    return entrant.fit(first, asked, rng.stream(job.seed, "benchmark", spec.component)), {}


def all_lists(ask: Lister, asked: Question, views: tuple[str, ...], k: int) -> dict[str, TopK]:
    """Lists of all users by view, block by block, so that memory stays bounded."""
    blocks = [ask(block, views, k) for block in track(list(asked.task.histories.blocks()), "ranking for all users")]
    return {
        view: TopK(np.vstack([b[view].items for b in blocks]), np.vstack([b[view].scores for b in blocks]))
        for view in views
    }


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
