"""Logged requests replayed offline: answers must be those that were logged, bit for bit.

python -m tests.faults.replay [--requests 10000]

A real service answers requests of known users, unknown users and bare histories, with and without filters and wishes,
while purchases arrive in between and the champion changes once. The log is the requests in their order and what the
service's own store kept of every answer. The replay is another process' work: a desk without HTTP, with a store of its
own, the releases read from the registry again. Features are not logged; equal scores, bit for bit, are what is seen of
them.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from components.core import layout, schema
from components.core.ports import HOST
from components.online.address import open_store
from components.tracking.registry import CHAMPION, DIGEST_TAG, ModelRegistry
from tests.faults import ground

Logged = tuple[str, dict[str, Any], str, str]  # path, body, release, request_id
CATEGORIES = ("cheese", "bread", "tea")


def main(requests: int = 10_000) -> dict[str, float]:
    """Print and return the figures."""
    with ground.folder() as root:
        versions = ground.shop(root, 2)
        serving, state = ground.free_port(), root / "served"
        url = f"http://{HOST}:{serving}"
        with ground.service(root, serving, SHOPLOOP_STATE=str(state), SHOPLOOP_LOG_SHARE="0"):
            log = _served(root, url, versions, requests)
        shutil.copytree(root, root.parent / f"{root.name}-again", ignore=shutil.ignore_patterns("served"))
        try:
            different, answers = _replayed(root.parent / f"{root.name}-again", state, log)
        finally:
            shutil.rmtree(root.parent / f"{root.name}-again")
    figures = {
        "answers replayed": float(answers),
        "events between them": float(len(log) - answers),
        "releases": float(len({release for _, _, release, _ in log if release})),
        "answers that differ": float(different),
    }
    for name, value in figures.items():
        print(f"{name:<24} {value:.0f}")
    print(ground.busy())
    return figures


def _served(root: Path, url: str, versions: list[str], requests: int) -> list[Logged]:
    """Ask and tell in one order; in the middle the champion changes."""
    draw, log = np.random.default_rng(7), []
    with httpx.Client(base_url=url, timeout=20) as client:
        for number in range(requests):
            if number == requests // 2:
                ModelRegistry(root=root).set_alias(CHAMPION, versions[1])
                ground.wait_until(lambda: client.get("/release").json()["version"] == versions[1], 30, "swapped")
            if number % 10 == 9:
                body = {"events": [_event(draw, number)]}
                assert client.post("/events", json=body).json()["accepted"] == 1
                log.append(("/events", body, "", ""))
            body = _question(draw)
            answer = client.post("/recommend", json=body).raise_for_status().json()
            log.append(("/recommend", body, answer["release"], answer["request_id"]))
    return log


def _question(draw: np.random.Generator) -> dict[str, Any]:
    body: dict[str, Any] = {"k": int(draw.integers(1, 30)), "exclude_seen": bool(draw.integers(2))}
    kind = draw.integers(4)
    if kind == 0:
        body["history"] = [f"i{item:02}" for item in draw.integers(0, 60, size=int(draw.integers(1, 8)))]
    else:
        body["user_id"] = f"u{int(draw.integers(0, 120)):02}"  # 96 of them are known
    if kind == 1:
        body["filters"] = {"categories": [str(draw.choice(CATEGORIES))], "max_price": float(draw.integers(2, 8))}
    if draw.integers(4) == 0:
        body |= {"diversity": 0.4, "novelty": 0.2, "explain": True}
    return body


def _event(draw: np.random.Generator, number: int) -> dict[str, Any]:
    user, item = int(draw.integers(0, 60)), int(draw.integers(0, 60))
    return {"event_id": f"e{number}", "user_id": f"u{user:02}", "item_id": f"i{item:02}"}


def _replayed(root: Path, state: Path, log: list[Logged]) -> tuple[int, int]:
    """Answers that differ from what the service's store kept, and how many were replayed."""
    from components.release.load import load
    from services.desk import Desk
    from services.messages import EventsRequest, RecommendRequest
    from services.release_cache import serving
    from services.settings import Settings
    from services.state import State

    registry, kept = ModelRegistry(root=root), open_store(state, None)
    fetched = {v.tags[DIGEST_TAG]: serving(load(registry.fetch(v, root)), v.version) for v in registry.versions()}
    settings = Settings(root=root, state=root / layout.STATE / "replay")
    desk = Desk(settings, State.of(settings))
    desk.state.open()
    different, answers, release = 0, 0, next(iter(fetched.values()))
    for path, body, digest, request_id in log:
        if path == "/events":
            desk.events(EventsRequest.model_validate(body), release)
            continue
        release = fetched[digest]
        answer = desk.recommend(RecommendRequest.model_validate(body), release)
        found = [(item.item_id, item.score) for item in answer.items]
        different += found != _logged(kept.answer(request_id))
        answers += 1
    return different, answers


def _logged(rows: list[tuple]) -> list[tuple[str, float]]:
    named = [dict(zip(schema.EXPOSURES, row, strict=True)) for row in rows]
    return [(row[schema.ITEM_ID], row[schema.SCORE]) for row in named]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    raise SystemExit(main(**vars(parser.parse_args()))["answers that differ"] > 0)
