"""Rollback: seconds from the command's start to the service's answer, and whether answers are bit-equal.

python -m tests.faults.rollback [--times 5]

A real MLflow server and a real service; the command is `shoploop rollback` in a process of its own. After it the
service is asked every golden question of the release it went back to, and items and scores must be those of its
golden.json, bit for bit. Then once more with no server, over the project's SQLite file, for which MLflow has to be
imported: told in seconds of one core, which are those of a clock where nothing else runs.
"""

from __future__ import annotations

import argparse
import resource
from pathlib import Path
from urllib.parse import unquote, urlparse

from components.core import bundle
from components.core.ports import HOST
from components.release.load import GOLDEN
from components.tracking import location
from components.tracking.registry import CHAMPION, ModelRegistry
from tests.faults import ground
from tests.load.lines import Line, told

WITHIN_S = 5.0


def main(times: int = 5) -> dict[str, float]:
    """Print and return the figures: the slowest of several rollbacks, and golden answers that differ."""
    with ground.folder() as root:
        first, second = ground.shop(root, 2)
        port, serving = ground.free_port(), ground.free_port()
        with (
            ground.mlflow_server(root, port),
            ground.service(root, serving, MLFLOW_TRACKING_URI=f"http://{HOST}:{port}"),
        ):
            location.note_server(root, f"http://{HOST}:{port}")
            found = [_once(root, f"http://{HOST}:{serving}", first, second) for _ in range(times)]
        location.note_server(root, None)
        alone = [_without_server(root, first, second) for _ in range(times)]
    figures = {
        "slowest command, s": max(command for command, _, _ in found),
        "slowest to be served, s": max(served for _, served, _ in found),
        "golden answers that differ": float(sum(differ for _, _, differ in found)),
        "without a server, CPU s": max(alone),
    }
    for name, value in figures.items():
        print(f"{name:<28} {value:.2f}")
    print(f"{times} rollbacks; {ground.busy()}")
    return figures


def _once(root: Path, url: str, first: str, second: str) -> tuple[float, float, int]:
    """Seconds of the command, seconds until the earlier release answers, golden answers that differ."""
    _, done = ground.cli(root, "promote", second, "--reason", "better", "--by", "fault test")
    assert done.returncode == 0, done.stderr
    ground.wait_until(lambda: _serves(url, second), 30, f"version {second} served")
    command, done = ground.cli(root, "rollback", "--reason", "it is worse", "--by", "fault test")
    assert done.returncode == 0, done.stderr
    after = ground.wait_until(lambda: _serves(url, first), 30, f"version {first} served")
    return command, command + after, _differences(root, url, first)


def _without_server(root: Path, first: str, second: str) -> float:
    """Seconds of a core that the command takes over the SQLite file."""
    _, done = ground.cli(root, "promote", second, "--reason", "better", "--by", "fault test")
    assert done.returncode == 0, done.stderr
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _, done = ground.cli(root, "rollback", "--reason", "it is worse", "--by", "fault test")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert ModelRegistry(root=root).aliases()[CHAMPION] == first
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _serves(url: str, version: str) -> bool:
    return (ground.get(f"{url}/release") or {}).get("version") == version


def _differences(root: Path, url: str, version: str) -> int:
    source = ModelRegistry(root=root).version(version).source
    golden = bundle.read_json(Path(unquote(urlparse(source).path)) / GOLDEN)
    return sum(not _is_equal(url, one["question"], one["answer"]) for one in golden if _can_be_asked(one["question"]))


def _can_be_asked(question: dict) -> bool:
    """The service refuses control characters, which one golden question holds on purpose."""
    return "\n" not in question.get("user_id", "")


def _is_equal(url: str, question: dict, wanted: dict) -> bool:
    status, answer = ground.post(f"{url}/recommend", question)
    items = [(item["item_id"], item["score"]) for item in answer.get("items", ())]
    return (
        status == 200
        and items == list(zip(wanted["items"], wanted["scores"], strict=True))
        and answer["fallback"] == wanted["fallback"]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    figures = main(**vars(parser.parse_args()))
    lines = {"slowest to be served, s": WITHIN_S, "golden answers that differ": 0, "without a server, CPU s": WITHIN_S}
    raise SystemExit(told(Line(name, figures[name], line) for name, line in lines.items()))
