"""Replay: held-out baskets played to a running service as if they were happening, oldest first.

For every basket the service is asked first, as the user would have seen it on entering the shop, then what was
really bought is compared with what was shown, then the basket is sent as events, so that the next answer knows it.
A replay cannot show what an exposure does to a user: the baskets were filled without ever seeing the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.core import schema
from components.core.errors import DataError

CAVEAT = (
    "REPLAYED: the traffic is made of held-out baskets, not of live users. A replay shows which variant's lists "
    "foresee baskets better. It cannot show the effect of an exposure on behaviour, because nobody saw these lists "
    "before buying; only a live experiment can."
)

EVENTS_PER_CALL = 100  # what the service takes at once
PSEUDONYMOUS = "pseudonymous"  # the ids are those of our own tables

# (path, body) → answer, as JSON; raises if the service refuses.
Post = Callable[[str, dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Basket:
    """One held-out basket; timestamp is UTC without a zone, items are distinct."""

    user_id: str
    session_id: str
    timestamp: datetime
    items: tuple[str, ...]


@dataclass(frozen=True)
class Served:
    """One answer and what the basket says of it."""

    request_id: str
    user_id: str
    session_id: str
    timestamp: datetime
    variant: str
    release: str
    fallback: str | None
    shown: int
    hits: int


def held_out_baskets(target: Path, users: int, per_user: int, rng: np.random.Generator) -> list[Basket]:
    """The first baskets of a sample of users, in the order in which they happened.

    target    target.parquet of a fold
    users     how many, at most
    per_user  baskets of each user, at most
    Raises    DataError if the window holds no basket.
    """
    columns = [schema.USER_ID, schema.SESSION_ID, schema.TIMESTAMP, schema.ITEM_ID]
    table = pq.read_table(target, columns=columns).to_pydict()
    lines: dict[tuple[str, datetime, str], set[str]] = {}
    for user, session, time, item in zip(*(table[c] for c in columns), strict=True):
        lines.setdefault((user, time, session), set()).add(item)
    if not lines:
        raise DataError(f"{target}: no baskets to replay; choose a longer test window in params.yaml: split.")
    by_user: dict[str, list[Basket]] = {}
    for (user, time, session), items in sorted(lines.items()):
        by_user.setdefault(user, []).append(Basket(user, session, time, tuple(sorted(items))))
    known = sorted(by_user)
    chosen = rng.choice(len(known), size=min(users, len(known)), replace=False)
    baskets = [basket for at in chosen for basket in by_user[known[at]][:per_user]]
    return sorted(baskets, key=lambda b: (b.timestamp, b.user_id, b.session_id))


def replay(baskets: Iterable[Basket], post: Post, experiment: str, k: int) -> list[Served]:
    """Play baskets to the service, one after the other.

    k        length of the lists
    Raises   DataError if the service answers without this experiment: then nothing would be compared.
    """
    return [_play(basket, post, experiment, k) for basket in baskets]


def to_table(served: Sequence[Served]) -> pa.Table:
    """All answers as a table, from which anyone can recompute the read-out."""
    names = list(Served.__dataclass_fields__)
    return pa.table({name: [getattr(answer, name) for answer in served] for name in names})


def _play(basket: Basket, post: Post, experiment: str, k: int) -> Served:
    answer = post("/recommend", {schema.USER_ID: basket.user_id, PSEUDONYMOUS: True, "k": k})
    if answer.get(schema.EXPERIMENT) != experiment:
        raise DataError(
            f"replay: the service answered for experiment {answer.get(schema.EXPERIMENT)!r}, not {experiment!r}; "
            "start it with this experiment."
        )
    shown = [item[schema.ITEM_ID] for item in answer["items"]]
    _tell(basket, post, experiment)
    return Served(
        answer[schema.REQUEST_ID],
        basket.user_id,
        basket.session_id,
        basket.timestamp,
        answer[schema.VARIANT],
        answer["version"] or answer[schema.RELEASE],
        answer.get("fallback"),
        len(shown),
        len(set(shown) & set(basket.items)),
    )


def _tell(basket: Basket, post: Post, experiment: str) -> None:
    """Send a basket's events; they are named after what happened, so a service that knows them already says so."""
    events = _events(basket, experiment)
    for start in range(0, len(events), EVENTS_PER_CALL):
        answer = post("/events", {"events": events[start : start + EVENTS_PER_CALL]})
        if answer["repeated"]:
            raise DataError(
                f"replay: the service already knew basket {basket.session_id}, so its answers are not held out; "
                "start it with an empty state."
            )


def _events(basket: Basket, experiment: str) -> list[dict[str, Any]]:
    time = int(basket.timestamp.replace(tzinfo=UTC).timestamp())
    return [
        {
            schema.EVENT_ID: f"replay-{experiment}-{basket.session_id}-{item}",
            schema.USER_ID: basket.user_id,
            PSEUDONYMOUS: True,
            schema.ITEM_ID: item,
            schema.EVENT_TYPE: "purchase",
            schema.TIMESTAMP: time,
        }
        for item in basket.items
    ]
