"""The online store in one Redis server (no cluster: a batch of events touches several keys in one script).

Redis keeps it in memory; what survives a crash is what its own persistence keeps (docs/operations.md: appendonly yes).

    shoploop:event-ids                        set       every event id that was accepted
    shoploop:events:<event type>:<user>       sorted    by time: "<16 digits of arrival><event as JSON>"
    shoploop:shown:<request>                  string    one answer as JSON
    shoploop:shown-to:<user>, shoploop:experiment:<name>   sets of requests
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

from components.core.errors import ConfigError, DataError, SilentStoreError, StateError
from components.core.schema import EVENT_TYPES
from components.online.store import FORMAT, SOON_S, TABLES_OF_USERS, Exposure, OnlineStore, Told

if TYPE_CHECKING:
    import redis

PREFIX = "shoploop:"
ARRIVAL_DIGITS = 16
SCANNED = 1000  # keys looked at in one call
# All or none, and in one order for everybody: a script runs alone.
ADD_EVENTS = """
local added = 0
for i = 1, #ARGV, 4 do
  if redis.call('SADD', KEYS[1], ARGV[i]) == 1 then
    local arrival = string.format('%016d', redis.call('INCR', KEYS[2]))
    redis.call('ZADD', ARGV[i + 1], ARGV[i + 2], arrival .. ARGV[i + 3])
    added = added + 1
  end
end
return added
"""
T = TypeVar("T")


class RedisStore(OnlineStore):
    """One client for all threads; it keeps a pool of connections and tries a closed one again."""

    def __init__(self, url: str, place: str):
        """url: redis://:password@host:port/number; place: the same without the password."""
        import redis
        from redis.backoff import ConstantBackoff
        from redis.retry import Retry

        self.place = place
        self._redis = redis.Redis.from_url(
            url, decode_responses=True, socket_timeout=SOON_S, socket_connect_timeout=SOON_S,
            # Without names, one that was waited for in vain would be waited for twice more.
            retry=Retry(ConstantBackoff(0.05), 2, supported_errors=(redis.ConnectionError,)),
            retry_on_error=[redis.ConnectionError],
        )  # fmt: skip
        self._add_events = self._redis.register_script(ADD_EVENTS)

    def prepare(self) -> None:
        """Note the format where there is none."""
        try:
            self._call(lambda r: r.set(f"{PREFIX}format", FORMAT, nx=True))
            found = self._call(lambda r: r.get(f"{PREFIX}format"))
        except StateError as e:
            raise ConfigError(f"{e} Correct SHOPLOOP_STATE_URL, or leave it out for SQLite.") from e
        if found != str(FORMAT):
            raise ConfigError(
                f"{self.place}: of another version of the service (format {found}, this one writes {FORMAT}); "
                "name another database in SHOPLOOP_STATE_URL."
            )

    def add_events(self, events: Sequence[Told]) -> int:
        """In one script."""
        arguments: list[str | int] = []
        for event in events:
            key = _events_key(event.event_type, event.user_id)
            arguments += [event.event_id, key, event.timestamp, json.dumps(asdict(event))]
        keys = [f"{PREFIX}event-ids", f"{PREFIX}arrivals"]
        return int(self._call(lambda _: self._add_events(keys=keys, args=arguments)))

    def events_of(
        self, user_id: str, event_types: Collection[str], since: int, limit: int
    ) -> tuple[tuple[str, int], ...]:
        """Of one time they are ordered by their arrival, with which the members begin; types are merged here."""

        def work(r: redis.Redis) -> list[list[tuple[str, float]]]:
            with r.pipeline(transaction=False) as pipe:
                for event_type in event_types:
                    key = _events_key(event_type, user_id)
                    pipe.zrevrangebyscore(key, "+inf", since, start=0, num=limit, withscores=True)
                return pipe.execute()

        found = [(score, member) for members in self._call(work) for member, score in members]
        events = [self._event(member) for _, member in sorted(found)[-limit:]]
        return tuple((event["item_id"], event["timestamp"]) for event in events)

    def add_exposure(self, shown: Exposure) -> None:
        """One answer, and where to find it again."""

        def work(r: redis.Redis) -> None:
            with r.pipeline(transaction=True) as pipe:
                pipe.set(_shown_key(shown.request_id), json.dumps(asdict(shown)))
                if shown.user_id is not None:
                    pipe.sadd(f"{PREFIX}shown-to:{shown.user_id}", shown.request_id)
                if shown.experiment is not None:
                    pipe.sadd(f"{PREFIX}experiment:{shown.experiment}", shown.request_id)
                pipe.execute()

        self._call(work)

    def exposures_of(self, experiment: str) -> list[tuple]:
        """All answers of the experiment at once."""
        requests = sorted(self._call(lambda r: r.smembers(f"{PREFIX}experiment:{experiment}")))
        return [row for request_id in requests for row in self.answer(request_id)]

    def answer(self, request_id: str) -> list[tuple]:
        """By its key."""
        found = self._call(lambda r: r.get(_shown_key(request_id)))
        return Exposure(**self._parsed(found)).rows() if found is not None else []

    def rows_of_user(self, names: Collection[str]) -> dict[str, int]:
        """An answer counts one per position, as in a table."""
        events = sum(self._call(lambda r, key=key: r.zcard(key)) for key in _events_keys(names))
        exposures = sum(len(self.answer(request_id)) for name in names for request_id in self._shown_to(name))
        return {"events": events, "exposures": exposures}

    def forget_user(self, names: Collection[str]) -> None:
        """Gone from memory at once, from an append-only file when Redis rewrites it."""
        try:
            for key in _events_keys(names):
                ids = [
                    self._event(member)["event_id"] for member in self._call(lambda r, key=key: r.zrange(key, 0, -1))
                ]
                self._call(lambda r, key=key: r.delete(key))
                if ids:
                    self._call(lambda r, ids=ids: r.srem(f"{PREFIX}event-ids", *ids))
            for name in names:
                for request_id in self._shown_to(name):
                    self._forget_answer(request_id)
                self._call(lambda r, name=name: r.delete(f"{PREFIX}shown-to:{name}"))
        except StateError as e:
            raise DataError(f"{self.place}: the person's rows could not be deleted ({e}); again later.") from None

    def prune(self, before: float) -> dict[str, int]:
        """Looks through the keys bit by bit (SCAN), so that nobody waits for it."""
        gone = dict.fromkeys(TABLES_OF_USERS, 0)
        for key in self._call(lambda r: list(r.scan_iter(f"{PREFIX}events:*", count=SCANNED))):
            gone["events"] += self._prune_events(key, before)
        for key in self._call(lambda r: list(r.scan_iter(f"{PREFIX}shown:*", count=SCANNED))):
            gone["exposures"] += self._prune_answer(key, before)
        return gone

    def _prune_events(self, key: str, before: float) -> int:
        members = [m for m in self._call(lambda r: r.zrange(key, 0, -1)) if self._event(m)["received_at"] < before]
        if members:
            self._call(lambda r: r.zrem(key, *members))
            self._call(lambda r: r.srem(f"{PREFIX}event-ids", *[self._event(m)["event_id"] for m in members]))
        return len(members)

    def _prune_answer(self, key: str, before: float) -> int:
        found = self._call(lambda r: r.get(key))
        if found is None or self._parsed(found)["time"] >= before:
            return 0
        shown = Exposure(**self._parsed(found))
        self._forget_answer(shown.request_id)
        self._call(lambda r: r.srem(f"{PREFIX}shown-to:{shown.user_id}", shown.request_id))
        return len(shown.item_ids)

    def close(self) -> None:
        """Nothing: connections are not a thread's own, they go back to the pool after every call."""

    def _shown_to(self, name: str) -> list[str]:
        return sorted(self._call(lambda r: r.smembers(f"{PREFIX}shown-to:{name}")))

    def _forget_answer(self, request_id: str) -> None:
        found = self._call(lambda r: r.getdel(_shown_key(request_id)))
        experiment = self._parsed(found)["experiment"] if found else None
        if experiment is not None:
            self._call(lambda r: r.srem(f"{PREFIX}experiment:{experiment}", request_id))

    def _event(self, member: str) -> dict:
        return self._parsed(member[ARRIVAL_DIGITS:])

    def _parsed(self, text: str) -> dict:
        """A record as this service writes it; StateError for anything else that lies there."""
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise StateError(f"{self.place}: a record there is not this service's; delete it, or use another number.")
        return found

    def _call(self, work: Callable[[redis.Redis], T]) -> T:
        import redis

        try:
            return work(self._redis)
        except (redis.RedisError, UnicodeDecodeError) as e:  # bytes that are no text are not ours
            words = str(e).splitlines()[0][:200] if str(e) else type(e).__name__
            silent = isinstance(e, redis.TimeoutError)
            error = SilentStoreError if silent else StateError
            raise error(f"{self.place}: the online store does not answer ({words}).") from None


def _events_key(event_type: str, user_id: str) -> str:
    return f"{PREFIX}events:{event_type}:{user_id}"


def _events_keys(names: Collection[str]) -> list[str]:
    return [_events_key(event_type, name) for name in names for event_type in EVENT_TYPES]


def _shown_key(request_id: str) -> str:
    return f"{PREFIX}shown:{request_id}"
