"""The champion is swapped again and again under load: no failed request, no answer of mixed parts, seen within 5 s.

python -m tests.faults.swap_under_load [--swaps 10] [--requests 10000] [--rate 0]

Requests come from a second process on a schedule (open loop); latency counts from the scheduled time. Without --rate
half of what the service answers one after the other is asked. Every answer's release and items are held against what
that release answers offline. Half of the requests run while nothing is swapped: they give the p99 to compare with.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import queue
import threading
import time
from pathlib import Path
from urllib.parse import unquote, urlparse

import httpx
import numpy as np

from components.core.ports import HOST
from components.tracking.registry import CHAMPION, ModelRegistry
from tests.faults import ground
from tests.load.lines import Line, told

CONNECTIONS = 16
VISIBLE_WITHIN_S, P99_RATIO = 5.0, 2.0
USERS = [f"u{number:02}" for number in range(24)]


def main(swaps: int = 10, requests: int = 10_000, rate: float = 0) -> dict[str, float]:
    """Print and return the figures."""
    with ground.folder() as root:
        versions = ground.shop(root, 2)
        port, serving = ground.free_port(), ground.free_port()
        uri, url = f"http://{HOST}:{port}", f"http://{HOST}:{serving}"
        with (
            ground.mlflow_server(root, port),
            ground.service(root, serving, MLFLOW_TRACKING_URI=uri, SHOPLOOP_LOG_SHARE="0"),
        ):
            rate = rate or _half_capacity(url)
            quiet = _load(url, requests // 2, rate)
            asked = multiprocessing.get_context("spawn").Queue()
            loaded = _load(url, requests // 2, rate, asked, start=True)
            asked.get(timeout=600)  # it has begun
            seen = _swap(ModelRegistry(uri), url, versions, swaps, requests / 2 / rate)
            swapped = asked.get(timeout=600)
            loaded.join()
        figures = _figures(root, quiet, swapped, seen)
    for name, value in figures.items():
        print(f"{name:<34} {value:.2f}")
    print(f"{requests} requests at {rate:.0f} a second, {swaps} swaps; {ground.busy()}")
    return figures


def _half_capacity(url: str) -> float:
    """Half of the requests a second that are answered one after the other."""
    with httpx.Client(base_url=url) as client:
        for _ in range(20):
            client.post("/recommend", json={"user_id": USERS[0]})
        started = time.perf_counter()
        for number in range(200):
            client.post("/recommend", json={"user_id": USERS[number % len(USERS)]})
        return 100 / (time.perf_counter() - started)


def _load(url: str, requests: int, rate: float, told=None, *, start: bool = False):
    """Answers of a load from a second process; with `start` the process, which puts them into `told`."""
    context = multiprocessing.get_context("spawn")
    told = told or context.Queue()
    process = context.Process(target=_ask_on_schedule, args=(url, requests, rate, told))
    process.start()
    if start:
        return process
    told.get(timeout=600)
    answers = told.get(timeout=600)
    process.join()
    return answers


def _ask_on_schedule(url: str, requests: int, rate: float, told) -> None:
    """Tell that it begins, and at its end (user, status, release, items and scores, latency) of every request."""
    told.put("begun")
    todo: queue.SimpleQueue = queue.SimpleQueue()
    answers: list[tuple] = []
    began = time.perf_counter() + 0.5

    def work() -> None:
        with httpx.Client(base_url=url, timeout=20) as client:
            while (number := todo.get()) is not None:
                due = began + number / rate
                time.sleep(max(0.0, due - time.perf_counter()))
                user = USERS[number % len(USERS)]
                answers.append((user, *_asked(client, user), time.perf_counter() - due))

    for number in range(requests):
        todo.put(number)
    workers = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for worker in workers:
        todo.put(None)
        worker.start()
    for worker in workers:
        worker.join()
    told.put(answers)


def _asked(client: httpx.Client, user: str) -> tuple[int, str, tuple]:
    try:
        answer = client.post("/recommend", json={"user_id": user})
        body = answer.json() if answer.status_code == 200 else {}
    except httpx.HTTPError:
        return 0, "", ()
    items = tuple((item["item_id"], item["score"]) for item in body.get("items", ()))
    return answer.status_code, body.get("release", ""), items


def _swap(registry: ModelRegistry, url: str, versions: list[str], swaps: int, seconds: float) -> list[float]:
    """Seconds until each swap was seen."""
    seen, began = [], time.monotonic()
    for number in range(swaps):
        time.sleep(max(0.0, began + 0.5 + number * seconds / (swaps + 1) - time.monotonic()))
        version = versions[(number + 1) % 2]
        registry.set_alias(CHAMPION, version)
        seen.append(ground.wait_until(lambda v=version: _serves(url, v), 30, f"version {version} served"))
    return seen


def _serves(url: str, version: str) -> bool:
    return (ground.get(f"{url}/release") or {}).get("version") == version


def _figures(root: Path, quiet: list[tuple], swapped: list[tuple], seen: list[float]) -> dict[str, float]:
    offline = _offline(root)
    everything = quiet + swapped
    good = [answer for answer in everything if answer[1] == 200]
    latency = [1000 * np.array([answer[-1] for answer in part]) for part in (quiet, swapped)]
    return {
        "failed requests": len(everything) - len(good),
        "answers of mixed parts": sum(items != offline[release, user] for user, _, release, items, _ in good),
        "releases that answered": len({answer[2] for answer in good}),
        "slowest swap to be seen, s": max(seen),
        "p99 without swaps, ms": float(np.percentile(latency[0], 99)),
        "p99 with swaps, ms": float(np.percentile(latency[1], 99)),
        "p99 ratio": float(np.percentile(latency[1], 99) / np.percentile(latency[0], 99)),
    }


def _offline(root: Path) -> dict[tuple[str, str], tuple]:
    """(release, user) → what that release answers, as it went over the wire."""
    from components.release.load import load
    from components.release.release import Question

    answers = {}
    for version in ModelRegistry(root=root).versions():
        release = load(Path(unquote(urlparse(version.source).path)))
        for user in USERS:
            found = release.recommend(Question(user_id=user))
            ids = release.hybrid.items.decode(found.items).tolist()
            scores = json.loads(json.dumps([float(score) for score in found.scores]))
            answers[release.digest, user] = tuple(zip(ids, scores, strict=True))
    return answers


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swaps", type=int, default=10)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=0, help="requests a second; 0: half of what it answers")
    figures = main(**vars(parser.parse_args()))
    lines = {"failed requests": 0, "answers of mixed parts": 0, "slowest swap to be seen, s": VISIBLE_WITHIN_S}
    lines["p99 ratio"] = P99_RATIO
    raise SystemExit(told(Line(name, figures[name], line) for name, line in lines.items()))
