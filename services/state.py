"""The service's online state: messages in, the release's own words out; what keeps it is behind components/online."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from components.core.errors import StateError
from components.online.address import open_store
from components.online.store import Exposure, Told
from components.release.release import Event as Done
from services.messages import Event
from services.settings import Settings

NEWEST_EVENTS = 1000  # of one user that an answer looks at


class State:
    """Shared by all threads.

    trouble  why the store did not answer when it was asked last; None if it did
    """

    def __init__(self, folder: Path, url: str | None = None):
        """folder: where SQLite's file lies; url: another store instead. `open` comes before all else."""
        self.store = open_store(folder, url)
        self.trouble: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> State:
        """The store that the settings name."""
        return cls(settings.state, settings.state_url.get_secret_value() if settings.state_url else None)

    def open(self) -> None:
        """Make it ready; ConfigError if that cannot be done."""
        self.store.prepare()

    def add_events(self, events: Iterable[Event], default_time: int) -> int:
        """Store events whose id is not there yet, all or none; returns how many were new.

        default_time  unix seconds for events that carry no time
        """
        now = time.time()
        told = [_told(event, default_time, now) for event in events]
        with self._noted():
            return self.store.add_events(told)

    def events(self, user_id: str, event_types: Collection[str], since: int) -> tuple[Done, ...]:
        """A user's newest events of these types at or after `since`, oldest first; those of one second as told."""
        with self._noted():
            done = self.store.events_of(user_id, event_types, since, NEWEST_EVENTS)
        return tuple(Done(*found) for found in done)

    def add_exposure(self, shown: Exposure) -> None:
        """Log one answer."""
        with self._noted():
            self.store.add_exposure(shown)

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except StateError as e:
            self.trouble = str(e)
            raise
        self.trouble = None


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
