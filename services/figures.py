"""Figures for Prometheus. Every label takes its values from a fixed set: nobody outside can make series without end.

BentoML's own figures are off for that reason: they carry the path as it was asked.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import psutil
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from components.core.stages import Stage
from services.request_record import RequestRecord

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 2, 5, 10)
SHARES = tuple(n / 10 for n in range(11))
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # BentoML sets it: every worker writes there, any of them reads all


class Figures:
    """All figures of one worker; a process makes them once (`figures`)."""

    def __init__(self) -> None:
        forget_dead_workers()
        self.requests = Counter("shoploop_requests_total", "Requests by route and status", ["route", "status"])
        self.seconds = Histogram("shoploop_request_seconds", "Time to the answer", ["route"], buckets=SECONDS)
        self.stages = Histogram("shoploop_stage_seconds", "Time in the parts of an answer", ["stage"], buckets=SECONDS)
        self.refusals = Counter("shoploop_refusals_total", "Requests not answered, by reason", ["reason"])
        self.fallbacks = Counter(
            "shoploop_fallbacks_total",
            "Answers not personal (recommend), of an unknown item (similar), not quite what was asked (search)",
            ["endpoint"],
        )
        self.unlogged = Counter("shoploop_unlogged_answers_total", "Answers that were shown and could not be logged")
        self.inside = Gauge(
            "shoploop_requests_inside", "Requests waiting and working", multiprocess_mode="livesum"
        )  # the queue
        self.swaps = Counter("shoploop_release_swaps_total", "Changes of the served release")
        self.version = Gauge(
            "shoploop_release_version", "Version in the registry; 0 for a folder", multiprocess_mode="mostrecent"
        )
        self.ready = Gauge("shoploop_ready", "Workers with a verified release", multiprocess_mode="livesum")
        self.refused_release = Gauge(
            "shoploop_release_refused", "Whether the newest release was refused", multiprocess_mode="mostrecent"
        )
        self.in_doubt = Gauge(
            "shoploop_release_in_doubt",
            "Workers that see the registry, the history and what they serve disagree",
            multiprocess_mode="livesum",
        )

        self.registry_away = Gauge(
            "shoploop_registry_away", "Workers whose last look at the registry failed", multiprocess_mode="livesum"
        )
        self.rolled_back = Counter(
            "shoploop_champions_rolled_back_total", "Champions that this service let go back, because they failed"
        )
        self.canary = Counter(
            "shoploop_canary_answers_total", "Answers while a canary ran, by side and end", ["side", "end"]
        )
        self.canary_off = Gauge(
            "shoploop_canary_switched_off", "Workers whose canary was switched off", multiprocess_mode="livesum"
        )

        self.shadow = Counter("shoploop_shadow_questions_total", "Questions for the shadow, by end", ["end"])
        self.shadow_overlap = Histogram(
            "shoploop_shadow_overlap", "Share of a list that champion and shadow both have", buckets=SHARES
        )
        self.shadow_rank_biased_overlap = Histogram(
            "shoploop_shadow_rank_biased_overlap", "Agreement of champion and shadow, the top first", buckets=SHARES
        )
        self.shadow_seconds = Histogram("shoploop_shadow_seconds", "Time the shadow took to answer", buckets=SECONDS)
        self._away: dict[str, tuple[Counter, Counter]] = {}  # looked up once: a refusal has to cost next to nothing

    def count(self, record: RequestRecord, seconds: float, stages: Iterable[Stage]) -> None:
        """One request that has ended."""
        self.requests.labels(record.route, str(record.status or 499)).inc()
        self.seconds.labels(record.route).observe(seconds)
        for stage in stages:
            self.stages.labels(stage.name).observe(stage.seconds)
        if record.refused is not None:
            self.refusals.labels(record.refused).inc()
        if record.unlogged:
            self.unlogged.inc()
        if record.fallback is not None:
            self.fallbacks.labels(record.route.strip("/")).inc()

    def turned_away(self, route: str) -> None:
        """One request that was refused at the turnstile; it took no time worth a histogram."""
        if (counters := self._away.get(route)) is None:
            counters = self._away[route] = (self.requests.labels(route, "429"), self.refusals.labels("queue"))
        for counter in counters:
            counter.inc()

    def swapped(self, version: str | None) -> None:
        """Another release serves."""
        self.swaps.inc()
        self.ready.set(1)
        self.version.set(float(version) if version is not None and version.isdigit() else 0)

    def followed(self, *, refused: bool, in_doubt: bool) -> None:
        """What a look at the registry found."""
        self.refused_release.set(float(refused))
        self.in_doubt.set(float(in_doubt))


@cache
def figures() -> Figures:
    """The figures of this process."""
    return Figures()


def forget_dead_workers() -> None:
    """What workers that were killed left behind would be counted as alive for ever."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return
    left = {path.stem.rpartition("_")[2] for path in Path(folder).glob("gauge_live*_*.db")}
    for pid in left:
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            multiprocess.mark_process_dead(int(pid), folder)


def exposition() -> tuple[bytes, str]:
    """All workers' figures as Prometheus reads them, and their media type."""
    registry = REGISTRY
    if os.environ.get(FOLDER_VARIABLE):
        forget_dead_workers()
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)
    return generate_latest(registry), CONTENT_TYPE_LATEST
