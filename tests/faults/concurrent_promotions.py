"""16 people promote at once, 200 rounds: nothing lost, nothing interleaved, the chain verifies.

python -m tests.faults.concurrent_promotions [--rounds 200] [--people 16]

Every round all people, each a process of its own, look at the same champion and promote a version of their own against
a real MLflow server. Exactly one may win; what every one of them was told is held against the history afterwards.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from pathlib import Path

from components.core import bundle
from components.core.errors import ReleaseError
from components.core.ports import HOST
from components.promotion.history import NOTE, History, trouble
from components.promotion.promotions import ANCHOR_NOTE, Promotions
from components.tracking import location
from components.tracking.registry import CHAMPION, DIGEST_TAG, GATE_TAG, PASSED, ModelRegistry
from components.tracking.runs import tracked
from tests.faults import ground
from tests.load.lines import Line, told

ROUND_WITHIN_S = 120


def main(rounds: int = 200, people: int = 16) -> dict[str, int]:
    """Print and return the figures."""
    started = time.monotonic()
    with ground.folder() as root:
        port, versions = ground.free_port(), _versions(root, people + 1)
        with ground.mlflow_server(root, port):
            uri = f"http://{HOST}:{port}"
            told = _play(root, uri, versions, rounds, people)
            found = _held_against_history(root, uri, told, rounds)
    for name, value in found.items():
        print(f"{name:<28} {value}")
    print(f"{rounds} rounds of {people} in {time.monotonic() - started:.0f} s; {ground.busy()}")
    return found


def _versions(root: Path, count: int) -> list[str]:
    """Small sealed folders, registered as if their gates were passed; the first is champion."""
    registry, made = ModelRegistry(location.tracking_uri(root)), []
    with tracked("release", root=root) as run:
        for number in range(count):
            release = root / f"release-{number}"
            release.mkdir()
            bundle.write_text(release / "release.txt", str(number))
            bundle.seal(release, {})
            tags = {GATE_TAG: PASSED, DIGEST_TAG: bundle.digest(release)}
            made.append(registry.register(str(release), run.run_id, tags).version)
    Promotions(registry, History(root)).promote(made[0], "the first", "to begin with")
    return made


def _play(root: Path, uri: str, versions: list[str], rounds: int, people: int) -> list[tuple[int, str, int | None]]:
    """(round, person, number of the entry that person was promised or None) of every attempt."""
    context = multiprocessing.get_context("spawn")
    barrier, told = context.Barrier(people), context.Queue()
    crowd = [
        context.Process(target=_person, args=(root, uri, versions, rounds, number, barrier, told))
        for number in range(people)
    ]
    for person in crowd:
        person.start()
    answers = [told.get(timeout=ROUND_WITHIN_S) for _ in range(rounds * people)]
    for person in crowd:
        person.join()
    return answers


def _person(root: Path, uri: str, versions: list[str], rounds: int, number: int, barrier, told) -> None:
    promotions, name = Promotions(ModelRegistry(uri), History(root)), f"person {number}"
    for turn in range(rounds):
        barrier.wait(ROUND_WITHIN_S)
        champion = promotions.history.champion()
        mine = [version for version in versions if version != champion][number]
        barrier.wait(ROUND_WITHIN_S)  # all have looked before anybody moves
        try:
            told.put((turn, name, promotions.promote(mine, name, f"round {turn}", expected=champion).seq))
        except ReleaseError as e:
            if "it was to replace" not in str(e):
                raise
            told.put((turn, name, None))


def _held_against_history(root: Path, uri: str, told: list[tuple[int, str, int | None]], rounds: int) -> dict[str, int]:
    entries, standing = History(root).entries(), ModelRegistry(uri).standing()
    promised = {(f"round {turn}", name, seq) for turn, name, seq in told if seq is not None}
    written = {(entry.reason.partition(NOTE)[0], entry.by, entry.seq) for entry in entries[1:]}
    winners = [sum(seq is not None for turn, _, seq in told if turn == number) for number in range(rounds)]
    return {
        "attempts": len(told),
        "won": len(promised),
        "lost": len(promised ^ written),
        "interleaved": sum(count != 1 for count in winners),
        "broken links": int(trouble(entries, standing.notes[ANCHOR_NOTE]) is not None),
        "alias away from history": int(standing.aliases[CHAMPION] != entries[-1].champion),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--people", type=int, default=16)
    figures = main(**vars(parser.parse_args()))
    bad = ("lost", "interleaved", "broken links", "alias away from history")
    raise SystemExit(told(Line(name, figures[name], 0) for name in bad))
