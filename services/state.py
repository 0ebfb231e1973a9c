"""The service's online state: messages in, the release's own words out; what keeps it is behind components/online."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from pathlib import Path

from components.online.address import open_store
from components.online.store import Exposure, Told
from components.release.release import Event as Done
from services.messages import Event
from services.settings import Settings

NEWEST_EVENTS = 1000  # of one user that an answer looks at


class State:
    """Shared by all threads."""

    def __init__(self, folder: Path, url: str | None = None):
        """folder: where SQLite's file lies; url: another store instead. `open` comes before all else."""
        self.store = open_store(folder, url)

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
        return self.store.add_events([_told(event, default_time, now) for event in events])

    def events(self, user_id: str, event_types: Collection[str], since: int) -> tuple[Done, ...]:
        """A user's newest events of these types at or after `since`, oldest first; those of one second as told."""
        return tuple(Done(*found) for found in self.store.events_of(user_id, event_types, since, NEWEST_EVENTS))

    def add_exposure(self, shown: Exposure) -> None:
        """Log one answer."""
        self.store.add_exposure(shown)


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
