"""The service's online state: messages in, the release's own words out; what keeps it is behind components/online."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from components.core.errors import ConfigError, SilentStoreError, StateError
from components.online.address import open_store
from components.online.store import Exposure, Told
from components.release.release import Event as Done
from services.messages import Event
from services.settings import Settings

NEWEST_EVENTS = 1000  # of one user that an answer looks at
REST_S = 5.0  # after an answer could not be logged, or a store kept silent, until the next one tries
OPENING, READING, WRITING = "opening", "reading", "writing"


class State:
    """Shared by all threads.

    A store that lets one request wait in vain would let all of them: threads are few, and those who need no store would
    wait behind. So it is asked again by one request every REST_S, and does not answer the others meanwhile.
    """

    def __init__(self, folder: Path, url: str | None = None):
        """folder: where SQLite's file lies; url: another store instead. Who comes first opens it."""
        self.store = open_store(folder, url)
        self._is_open = False
        self._troubles: dict[str, str] = {}
        self._log_again_at = -math.inf
        self._silence: str | None = None  # since somebody waited in vain, until somebody was answered
        self._ask_again_at = -math.inf
        self._lock = threading.Lock()

    @property
    def trouble(self) -> str | None:
        """Why the store did not answer when it was last opened, read or written; None if it did."""
        return next(iter(self._troubles.values()), None)

    @classmethod
    def of(cls, settings: Settings) -> State:
        """The store that the settings name."""
        return cls(settings.state, settings.state_url.get_secret_value() if settings.state_url else None)

    def open(self) -> None:
        """Make it ready; ConfigError if that cannot be done."""
        self.store.prepare()
        self._is_open = True
        self._troubles.pop(OPENING, None)

    def ensure_open(self) -> None:
        """Open it unless that was done; StateError, told in `trouble`, while that cannot be done.

        A store that is away when a worker starts is opened by the first request after it is back: a service without
        it answers whom it can, and no release is judged by it.
        """
        if self._is_open:
            return
        try:
            self.open()
        except ConfigError as e:
            self._troubles[OPENING] = str(e)
            kind = SilentStoreError if isinstance(e.__cause__, SilentStoreError) else StateError
            raise kind(str(e)) from None

    def add_events(self, events: Iterable[Event], default_time: int) -> int:
        """Store events whose id is not there yet, all or none; returns how many were new.

        default_time  unix seconds for events that carry no time
        """
        now = time.time()
        told = [_told(event, default_time, now) for event in events]
        with self._noted(WRITING):
            return self.store.add_events(told)

    def events(self, user_id: str, event_types: Collection[str], since: int) -> tuple[Done, ...]:
        """A user's newest events of these types at or after `since`, oldest first; those of one second as told."""
        with self._noted(READING):
            done = self.store.events_of(user_id, event_types, since, NEWEST_EVENTS)
        return tuple(Done(*found) for found in done)

    def log(self, shown: Exposure) -> bool:
        """Log one answer; False if that could not be done, for people can do without the log, but not without answers.

        A store that could not be written is tried again by one answer every REST_S, so that none waits for it in vain
        but that one.
        """
        now = time.monotonic()
        if WRITING in self._troubles:
            if now < self._log_again_at:
                return False
            self._log_again_at = now + REST_S
        try:
            with self._noted(WRITING):
                self.store.add_exposure(shown)
        except StateError:
            self._log_again_at = time.monotonic() + REST_S
            return False
        return True

    @contextmanager
    def _noted(self, doing: str) -> Iterator[None]:
        self._refuse_to_wait()
        try:
            self.ensure_open()
            yield
        except StateError as e:
            self._troubles[doing] = str(e)
            self._silence = str(e) if isinstance(e, SilentStoreError) else None
            self._ask_again_at = time.monotonic() + REST_S
            raise
        self._silence = None
        self._troubles.pop(doing, None)

    def _refuse_to_wait(self) -> None:
        """StateError while the store is silent, but for the one whose turn it is to ask."""
        with self._lock:
            if self._silence is None:
                return
            now = time.monotonic()
            if now < self._ask_again_at:
                raise StateError(self._silence)
            self._ask_again_at = now + REST_S


def _told(event: Event, default_time: int, now: float) -> Told:
    return Told(
        event_id=event.event_id,
        user_id=event.user_id,
        item_id=event.item_id,
        event_type=event.event_type,
        timestamp=default_time if event.timestamp is None else event.timestamp,
        value=event.value,
        quantity=event.quantity,
        request_id=event.request_id,
        received_at=now,
    )
