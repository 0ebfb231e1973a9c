"""How fast a release answers its golden questions on this machine: what a change of release must not spoil."""

from __future__ import annotations

import time

from components.core.errors import ReleaseError
from components.release import golden
from components.release.release import Release

PASSES = 5  # the quickest of them counts: a busy machine only ever adds time
FAST_ENOUGH_MS = 2.0  # no release is too slow below this, however fast the one before it was


def measure(release: Release, passes: int = PASSES) -> float:
    """Milliseconds per golden question, the quickest of several passes over all of them."""
    return min(_one_pass(release) for _ in range(passes))


def check(candidate: Release, current: Release, max_slowdown: float) -> None:
    """Raise ReleaseError if a candidate takes more than `max_slowdown` times as long as the current release.

    Both are asked in turns, so that what else the machine does slows both. The nearer the candidate is to its line, the
    more passes are made: one is enough only for a candidate at a third of it, and nobody is refused before the last.
    """
    ours = theirs = float("inf")
    for done in range(1, PASSES + 1):
        ours = min(ours, _one_pass(candidate))
        if ours <= FAST_ENOUGH_MS:
            return
        theirs = min(theirs, _one_pass(current))
        if ours <= max_slowdown * theirs * (done + 1) / (PASSES + 1):
            return
    raise ReleaseError(
        f"release: it takes {ours:.1f} ms per golden question, {ours / theirs:.1f} times as long as the one that "
        f"serves ({theirs:.1f} ms; at most {max_slowdown:g} times); make it smaller, or serve it where it is fast."
    )


def _one_pass(release: Release) -> float:
    """Milliseconds per golden question.

    Of the clock and this process' own CPU time the smaller one counts: on a busy machine the clock tells of the others,
    in a busy service the CPU time does.
    """
    questions = [golden.question(raw) for raw in golden.questions(release)]
    started, cpu = time.perf_counter(), time.process_time()
    for asked in questions:
        release.recommend(asked)
    return 1000 * min(time.perf_counter() - started, time.process_time() - cpu) / len(questions)
