"""Fitted models of a benchmark, kept by what made them, so that a fusion or a ranker need not fit them again.

What a kept model had cost is added to the cost of whoever uses it: the table tells what it takes from nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.core import rng
from components.core.bundle import META, read_json, write_json
from components.core.errors import BundleError, ConfigError
from components.core.model import Model
from components.core.model import load as load_model
from components.core.source_files import digest_of, files_of, module_name

if TYPE_CHECKING:
    from components.benchmark.entrant import Spec
    from components.benchmark.protocols import Question

COST = "cost.json"
MODEL = "model"
TOLD = "told.json"  # beside a kept model: remarks, curves, and so many minutes if it stopped for want of them
KEPT_SHARE, LEAST_KEPT_S, MOST_KEPT_S = 0.25, 5.0, 240.0  # of the minutes, for saving the model and making its lists
JOURNAL = "journal"  # what a long fit keeps while it runs; a killed one goes on from there


@dataclass
class Cost:
    """Seconds of the wall and of all processors, and the largest resident memory in MB."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_mb: float = 0.0

    def add(self, other: Cost) -> None:
        """Time adds up, memory does not."""
        self.seconds += other.seconds
        self.cpu_seconds += other.cpu_seconds
        self.peak_mb = max(self.peak_mb, other.peak_mb)


class Fits:
    """The models of one run and seed.

    specs    all single models of the run, by name
    hours    when the process has to be done, and how long one fit may take; None: as long as its options say
    paid     what models that were found fitted had cost
    remarks  what a person should know of the fits
    curves   of each model, by its name
    pressed  whether one of the fits had to stop for want of minutes
    """

    def __init__(self, folder: Path, specs: dict[str, Spec], seed: int, hours: Hours | None = None):
        """folder: where fitted models are kept."""
        self.folder, self.specs, self.seed, self.hours = Path(folder), specs, seed, hours
        self.pressed = False
        self.paid = Cost()
        self.remarks: list[str] = []
        self.curves: dict[str, dict[str, list[float]]] = {}

    def fitted(self, name: str, question: Question) -> Model:
        """The model of that name, fitted on the fold's history, now or before.

        Raises ConfigError if the run has no such model
        """
        if name not in self.specs:
            raise ConfigError(f"benchmark: no model '{name}' in this run; there are {', '.join(sorted(self.specs))}.")
        at = self.folder / fit_key(self.specs[name], question, self.seed)
        if self.has(name, question):
            self.paid.add(Cost(**read_json(at / COST)))
            self._tell(name, read_json(at / TOLD))
            return load_model(at / MODEL)
        resumed = f"{name}: its fit was interrupted and went on from there; its cost is that of the rest"
        remarks = [resumed] if _checkpoint(at) else []
        model = self.specs[name].model()
        model.journal_folder = at / JOURNAL
        model.ends_by = self.hours.ends_by() if self.hours else None
        with measured() as cost:
            data = question.with_content() if model.capabilities.uses_content else question.data
            model.fit(data, rng.stream(self.seed, "benchmark", model.component()))
        model.save(at / MODEL, name=name, fold=question.name, seed=self.seed)
        told = {"remarks": remarks + model.remarks(), "curves": _plain(model.curves()), "minutes": None}
        if model.pressed and model.remarks():
            told["minutes"] = self.hours.minutes
        write_json(at / TOLD, told)
        self._tell(name, told)
        write_json(at / COST, asdict(cost))  # last: without it the fit is not taken for a whole one
        return model

    def _tell(self, name: str, told: dict[str, Any]) -> None:
        self.remarks += told["remarks"]
        self.curves[name] = told["curves"]
        self.pressed |= told["minutes"] is not None

    def has(self, name: str, question: Question) -> bool:
        """Whether the model of that name is fitted on the fold's history, and as long as this run would."""
        at = self.folder / fit_key(self.specs[name], question, self.seed)
        return (at / COST).is_file() and (at / TOLD).is_file() and not self._worth_more(at)

    def _worth_more(self, at: Path) -> bool:
        """Whether a kept fit stopped for want of minutes, and this run gives it more."""
        minutes = read_json(at / TOLD)["minutes"]
        return minutes is not None and (self.hours is None or minutes < self.hours.minutes)


@dataclass(frozen=True)
class Hours:
    """How long a process and each of its fits may take, so that a training stops in time instead of being ended.

    until    time.monotonic() at which the process is ended
    minutes  of the wall for one fit with its asking
    """

    until: float
    minutes: float

    def ends_by(self) -> float:
        """time.monotonic() at which a training that begins now has to stop, so that time is left for its lists."""
        kept = min(max(KEPT_SHARE * 60 * self.minutes, LEAST_KEPT_S), MOST_KEPT_S)
        return min(time.monotonic() + 60 * self.minutes, self.until) - kept


def curves_of(fit: Path) -> dict[str, list[float]]:
    """Curves of a fit under way, by name, one value per epoch; empty where it keeps none, or none yet."""
    for file in sorted((fit / JOURNAL).glob(f"*/{META}")):
        try:
            return {name: [float(v) for v in values] for name, values in read_json(file)["curves"].items()}
        except (BundleError, KeyError, AttributeError, TypeError, ValueError):
            return {}  # replaced while it was read, or of another version
    return {}


def _plain(curves: dict[str, Any]) -> dict[str, list[float]]:
    return {name: [float(value) for value in values] for name, values in curves.items()}


def _checkpoint(fit: Path) -> bool:
    """Whether a killed fit left something to go on from."""
    return any((fit / JOURNAL).glob(f"*/{META}"))


@contextmanager
def measured() -> Iterator[Cost]:
    """What the block costs this process and the children that ended in it."""
    cost = Cost()
    started, cpu = time.perf_counter(), cpu_seconds()
    yield cost
    cost.seconds, cost.cpu_seconds = time.perf_counter() - started, cpu_seconds() - cpu
    cost.peak_mb = peak_mb()


def cpu_seconds() -> float:
    """Of this process and of children that ended."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def peak_mb() -> float:
    """Largest resident memory of this process so far.

    Linux hands ru_maxrss on from the process that started this one, so the kernel's own mark of this program counts
    where it can be read.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fit_key(spec: Spec, question: Question, seed: int) -> str:
    """A name for a fitted model: the data and files it reads, component, options, seed, and the component's code."""
    model, data = spec.model(), question.digest_for(spec.uses_content)
    config = model.config.model_dump(mode="json")
    facts = {"data": data, "reads": model.reads(), "component": spec.component, "config": config, "seed": seed}
    return key_of(facts | {"code": code_of(spec)})


def code_of(spec: Spec) -> str:
    """sha256 of the component's source file and of all of ours that it imports."""
    return digest_of(files_of(module_name(spec.file)))


def key_of(facts: dict[str, Any]) -> str:
    """A short name for facts, by their content."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:20]
