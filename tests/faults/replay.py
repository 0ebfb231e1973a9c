"""Logged requests replayed offline: features and answers must be those that were logged, bit for bit.

python -m tests.faults.replay [--requests 10000]

A real service answers requests of known users, unknown users and bare histories, with and without filters and wishes,
while purchases arrive in between and the champion changes once. The log is the requests in their order, what the
service's own store kept of every answer (items and scores), and what its log lines say of the features: a digest of all
that the ranker was asked with. The replay is another process' work: a desk without HTTP, with a store of its own, the
releases read from the registry again.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from components.core import layout, schema
from components.core.ports import HOST
from components.online.address import open_store
from components.tracking.registry import CHAMPION, DIGEST_TAG, ModelRegistry
from tests.faults import ground
from tests.load.lines import Line, told

CATEGORIES = ("cheese", "bread", "tea")
Logged = tuple[str, dict[str, Any], str, str]  # path, body, release, request_id


@dataclass
class Found:
    """What came of asking again: counts of answers."""

    answers: int = 0
    ranked: int = 0
    different_answers: int = 0
    different_features: int = 0


def main(requests: int = 10_000) -> dict[str, float]:
    """Print and return the figures."""
    with ground.folder() as root:
        versions = ground.shop(root, 2)
        serving, state = ground.free_port(), root / "served"
        url = f"http://{HOST}:{serving}"
        with ground.service(root, serving, SHOPLOOP_STATE=str(state)) as service:
            log = _served(root, url, versions, requests)
        features = _logged_features(service.log)
        shutil.copytree(root, root.parent / f"{root.name}-again", ignore=shutil.ignore_patterns("served"))
        try:
            found = _replayed(root.parent / f"{root.name}-again", state, log, features)
        finally:
            shutil.rmtree(root.parent / f"{root.name}-again")
    figures = {
        "answers replayed": float(found.answers),
        "of them ranked from features": float(found.ranked),
        "events between them": float(len(log) - found.answers),
        "releases": float(len({release for _, _, release, _ in log if release})),
        "answers that differ": float(found.different_answers),
        "features that differ": float(found.different_features),
    }
    for name, value in figures.items():
        print(f"{name:<30} {value:.0f}")
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


def _logged_features(log: Path) -> dict[str, str]:
    """Request → the digest of its features, where the ranker was asked, as the service's log lines tell."""
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line.startswith('{"at"')]
    told = [json.loads(line) for line in lines]
    return {line["request_id"]: line["features"] for line in told if "features" in line}


def _replayed(root: Path, state: Path, log: list[Logged], features: dict[str, str]) -> Found:
    """Ask all again, and compare with what the service kept and told."""
    from components.release.load import load
    from services.desk import Desk
    from services.messages import EventsRequest, RecommendRequest
    from services.release_cache import serving
    from services.request_record import CURRENT, RequestRecord
    from services.settings import Settings
    from services.state import State

    registry, kept = ModelRegistry(root=root), open_store(state, None)
    fetched = {v.tags[DIGEST_TAG]: serving(load(registry.fetch(v, root)), v.version) for v in registry.versions()}
    settings = Settings(root=root, state=root / layout.STATE / "replay")
    desk = Desk(settings, State.of(settings))
    desk.state.open()
    found, release = Found(), next(iter(fetched.values()))
    for path, body, digest, request_id in log:
        if path == "/events":
            desk.events(EventsRequest.model_validate(body), release)
            continue
        release, record = fetched[digest], RequestRecord(request_id=request_id)
        CURRENT.set(record)
        answer = desk.recommend(RecommendRequest.model_validate(body), release)
        items = [(item.item_id, item.score) for item in answer.items]
        found.different_answers += items != _logged(kept.answer(request_id))
        found.different_features += record.features != features.get(request_id)
        found.ranked += record.features is not None
        found.answers += 1
    return found


def _logged(rows: list[tuple]) -> list[tuple[str, float]]:
    named = [dict(zip(schema.EXPOSURES, row, strict=True)) for row in rows]
    return [(row[schema.ITEM_ID], row[schema.SCORE]) for row in named]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    figures = main(**vars(parser.parse_args()))
    raise SystemExit(told(Line(name, figures[name], 0) for name in ("answers that differ", "features that differ")))
