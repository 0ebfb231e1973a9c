"""What is told of one request while it is answered: for the log, the figures and the traces. Never who asked."""

from __future__ import annotations

import time
import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.release_cache import Serving


@dataclass
class RequestRecord:
    """One request; `began` in seconds of time.perf_counter, and so is `admitted`: when its body was there.

    key        id of the API key that asks, None without one; it decides whose turn it is and stands in no log
    status     what was answered; None if nothing was, because it was cancelled or the caller left
    refused    in one word, why it was not answered
    release, data_digest, version, fallback  of the answer, once there is one
    unlogged   the answer went out, and the store of exposures could not be written
    features   digest of what the ranker was asked with (ranking/feature_digest.py); None where it was not asked
    """

    route: str = "other"
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    began: float = field(default_factory=time.perf_counter)
    admitted: float = field(default_factory=time.perf_counter)
    key: str | None = None
    status: int | None = None
    refused: str | None = None
    release: str | None = None
    data_digest: str | None = None
    version: str | None = None
    fallback: str | None = None
    features: str | None = None
    unlogged: bool = False

    def served_by(self, now: Serving) -> None:
        """The release that answers."""
        self.release, self.version = now.release.digest, now.version
        self.data_digest = now.release.facts["provenance"].get("data_digest", "unknown")

    def tell_as(self, other: RequestRecord) -> None:
        """Take from a copy what is told of the answer: another was tried since, and is not given."""
        for name in OF_THE_ANSWER:
            setattr(self, name, getattr(other, name))


OF_THE_ANSWER = ("release", "data_digest", "version", "fallback", "features")
CURRENT: ContextVar[RequestRecord | None] = ContextVar("request", default=None)


def record() -> RequestRecord:
    """Of the request that is being answered; a fresh one where the desk is asked without HTTP."""
    return CURRENT.get() or RequestRecord()
