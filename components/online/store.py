"""What every online store does, whatever keeps it: the port between the service, experiments, lineage and forgetting.

The service writes it (services/state.py), experiments read it, `shoploop forget` deletes from it. One contract test
holds all of them to it (tests/contracts/test_online_stores.py).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from components.core import schema

FORMAT = 1  # of the tables; a store of another format is refused, never migrated unasked
EVENT_COLUMNS = (
    schema.EVENT_ID, schema.USER_ID, schema.ITEM_ID, schema.EVENT_TYPE, schema.TIMESTAMP, schema.VALUE,
    schema.QUANTITY, schema.REQUEST_ID, "received_at",
)  # fmt: skip
SOON_S = 2.0  # a history that is not read, or an answer not logged, by then is of no use to whoever waits for the list
TABLES_OF_USERS = ("events", "exposures")
TIME_COLUMNS = {"events": "received_at", "exposures": schema.TIMESTAMP}  # when it came in or was shown, unix seconds


@dataclass(frozen=True)
class Told:
    """An event as it is stored, fields in the order of EVENT_COLUMNS; times in unix seconds.

    event_id is the idempotency key: the first event of an id is kept, later ones of that id change nothing.
    """

    event_id: str
    user_id: str
    item_id: str
    event_type: str
    timestamp: int
    value: float | None
    quantity: int
    request_id: str | None
    received_at: float


@dataclass(frozen=True)
class Exposure:
    """One answer as it was shown; time in unix seconds. Items and scores in the order of the positions.

    propensity  the probability that an item was shown at its position, for each; one number stands for all
    """

    request_id: str
    user_id: str | None
    item_ids: Sequence[str]
    scores: Sequence[float]
    release: str
    experiment: str | None
    variant: str | None
    time: float
    propensity: float | Sequence[float] = 1.0

    def rows(self) -> list[tuple]:
        """A row per position, columns as in schema.EXPOSURES."""
        one = isinstance(self.propensity, int | float)
        chances = [self.propensity] * len(self.item_ids) if one else self.propensity
        shown = zip(self.item_ids, self.scores, chances, strict=True)
        return [
            (self.request_id, self.user_id, item_id, position, score, chance, self.release, self.experiment,
             self.variant, self.time)
            for position, (item_id, score, chance) in enumerate(shown, start=1)
        ]  # fmt: skip


class OnlineStore(ABC):
    """Shared by all threads and workers; whatever one of them has written, the next read of any of them sees.

    `place` names the store in messages, without a password. Every method but `prepare` raises StateError if the store
    does not answer, SilentStoreError where it was waited for in vain: about SOON_S where somebody waits for a list.
    """

    place: str

    @abstractmethod
    def prepare(self) -> None:
        """Make the tables where there are none; ConfigError if the store cannot be used, or is of another format."""

    @abstractmethod
    def add_events(self, events: Sequence[Told]) -> int:
        """Store the events whose ids are new, all or none; returns how many were new."""

    @abstractmethod
    def events_of(
        self, user_id: str, event_types: Collection[str], since: int, limit: int
    ) -> tuple[tuple[str, int], ...]:
        """(item_id, timestamp) of a user's newest events of some types at or after `since`, at most `limit`, oldest
        first.

        Those of one second keep the order in which they were told.
        """

    @abstractmethod
    def add_exposure(self, shown: Exposure) -> None:
        """Log one answer."""

    @abstractmethod
    def exposures_of(self, experiment: str) -> list[tuple]:
        """The rows of an experiment, columns as in schema.EXPOSURES, by request and position."""

    @abstractmethod
    def answer(self, request_id: str) -> list[tuple]:
        """The rows of one answer, columns as in schema.EXPOSURES, by position; empty if none was logged."""

    @abstractmethod
    def rows_of_user(self, names: Collection[str]) -> dict[str, int]:
        """How many rows each of TABLES_OF_USERS keeps of a person; 0 where no store was made yet."""

    @abstractmethod
    def forget_user(self, names: Collection[str]) -> None:
        """Delete a person's rows; the service may go on meanwhile. DataError if it could not be completed."""

    @abstractmethod
    def prune(self, before: float) -> dict[str, int]:
        """Delete events that were received and answers that were shown before a time (unix seconds), in small pieces
        while the service goes on; an event's idempotency key goes with it. Returns rows deleted by table.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of this thread's connection."""
