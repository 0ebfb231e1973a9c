"""Golden answers: fixed questions with the answers the release gave when it was made.

Checksums show that the bytes are the same; golden answers show that this machine and this code still give the same
recommendations. Items must be equal one by one; scores may differ by rounding between processors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from components.core.errors import ReleaseError
from components.release.release import Answer, Question, Release

KNOWN_USERS = 3
K = 10
HISTORY_LENGTH = 5
RELATIVE, ABSOLUTE = 1e-4, 1e-5


def questions(release: Release) -> list[dict[str, Any]]:
    """Questions of known users, of a history, of an unknown user and of nobody."""
    users, items = release.known.users.ids.tolist(), release.hybrid.items.ids.tolist()
    spread = [users[i * len(users) // KNOWN_USERS] for i in range(min(KNOWN_USERS, len(users)))]
    asked = [{"user_id": user} for user in spread]
    asked += [{"user_id": user, "exclude_seen": True} for user in spread[:1]]
    return [*asked, {"history": items[:HISTORY_LENGTH]}, {"user_id": "nobody\n"}, {"history": []}]


def make(release: Release) -> list[dict[str, Any]]:
    """The golden questions with this release's answers."""
    return [{"question": q, "answer": _words(release, release.recommend(question(q)))} for q in questions(release)]


def check(release: Release, golden: list[dict[str, Any]]) -> None:
    """Ask all golden questions again; ReleaseError on the first answer that differs, or if there are none."""
    if not golden:
        raise ReleaseError("release: it has no golden answers; assemble it again.")
    for expected in golden:
        found = _words(release, release.recommend(question(expected["question"])))
        wanted = expected["answer"]
        if not np.isfinite(found["scores"]).all():
            raise ReleaseError(f"release: its answer to {expected['question']} holds scores that are no numbers.")
        same = found["items"] == wanted["items"] and found["fallback"] == wanted["fallback"]
        if not same or not np.allclose(found["scores"], wanted["scores"], rtol=RELATIVE, atol=ABSOLUTE):
            raise ReleaseError(
                f"release: the golden answer to {expected['question']} is not reproduced: expected "
                f"{wanted['items'][:3]} …, found {found['items'][:3]} …; it was made by other code or altered."
            )


def question(raw: dict[str, Any]) -> Question:
    """A golden question as the release is asked it."""
    return Question(
        user_id=raw.get("user_id"),
        history=tuple(raw.get("history", ())),
        k=K,
        exclude_seen=raw.get("exclude_seen", False),
    )


def _words(release: Release, answer: Answer) -> dict[str, Any]:
    return {
        "items": release.hybrid.items.decode(answer.items).tolist(),
        "scores": [float(score) for score in answer.scores],
        "fallback": answer.fallback,
    }
