"""Sessions: visits that end after a cut-off time are asked about their last event; a session stands for a user.

Use it for shops whose visitors come once or do not sign in: it asks what an unknown visitor does next, given this visit
alone. The windows are those of the temporal split. Sessions that ended before a fold's cut-off are fitted on, whole;
those that end in its window are asked, and one that began before the cut-off is told only to who is asked about it.
Events without a session are left out, those without a user are not, unless cleaning dropped them
(`clean.cleaners.guests.policy`). In all of the fold's tables `user_id` is the session's id.
What leaks: nothing of a later session. All sessions of a window are asked at its end, so an age counts from there;
sessions of the window do not know each other, though in production the earlier ones would be known.
Source: Ludewig & Jannach 2018 (doi:10.1007/s11257-018-9209-6), whose last sessions are the test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from components.core import schema
from components.core.dataset import DAY_S
from components.core.errors import DataError
from components.data.engine import unix_seconds
from components.splits import cutoffs
from components.splits.cutoffs import SharesConfig, Window
from components.splits.last import BEGAN, PLACE, TURN
from components.splits.splitter import Events, Fold, Splitter

if TYPE_CHECKING:
    from ibis import Table

ENDED, TURNS = "ended", "turns"  # columns of `_sessions`
SHARED_AT_MOST = 0.1  # of the session ids: somebody signs in amid a visit, but ids that restart are no ids


class SessionsConfig(SharesConfig):
    """test_share, validation_share: of the time. min_items_per_user counts a session's items."""

    method: Literal["sessions"] = "sessions"
    min_items_per_user: int = Field(1, ge=1, description="distinct catalogue items; shorter sessions are not fitted on")
    min_turns: int = Field(2, ge=2, description="events of a session to be foretold; shorter ones are asked nothing")


class Sessions(Splitter):
    """Sessions before the cut-off are known; of those that end after it, all but the last event is told when asked."""

    Config = SessionsConfig
    who: ClassVar = schema.SESSION_ID  # whoever is in it: visitors who did not sign in, or did in the middle
    leaks: ClassVar = (
        "nothing of a later session: those that end at or after a fold's cut-off are not fitted on; a session is asked "
        "with its own events alone"
    )

    def _folds(self, events: Events) -> list[Fold]:
        _refuse_restarting(events.standing)
        windows = cutoffs.windows_of(events.standing, self.config)
        return [self._fold(events, window) for window in windows]

    def _fold(self, events: Events, window: Window) -> Fold:
        standing = _as_users(events.standing)
        sessions = _sessions(standing)
        before = sessions.filter(sessions[ENDED] < window.cutoff)
        history = self.past(_as_users(events.known_at(window.cutoff))).semi_join(before, schema.USER_ID)
        inside = sessions.filter((sessions[ENDED] >= window.cutoff) & (sessions[ENDED] < window.end))
        asked, target = self._asked(standing.semi_join(inside, schema.USER_ID))
        if not target.count().execute():
            raise DataError(
                f"split: no session of {self.config.min_turns} events ends between {window.cutoff:%Y-%m-%d} and "
                f"{window.end:%Y-%m-%d}; choose larger shares, or another method where the shop has no sessions."
            )
        return Fold(window.name, history, target, now=window.end, asked=asked)

    def _asked(self, events: Table) -> tuple[Table, Table]:
        """What sessions are told when they are asked, and their last turn."""
        import ibis

        wanted = self.wanted(events)
        order = [ibis.desc(schema.TIMESTAMP), ibis.desc(schema.ITEM_ID)]
        turns = wanted.mutate(**{TURN: ibis.dense_rank().over(ibis.window(group_by=schema.USER_ID, order_by=order))})
        last = turns.group_by(schema.USER_ID).agg(
            **{
                TURNS: turns[TURN].max() + 1,
                BEGAN: turns[schema.TIMESTAMP].max(),
                PLACE: turns[schema.ITEM_ID].max(where=turns[TURN] == 0),
            }
        )
        last = last.filter(last[TURNS] >= self.config.min_turns)
        told = self.past(events).inner_join(last, schema.USER_ID)
        at, item = told[schema.TIMESTAMP], told[schema.ITEM_ID]
        told = told.filter((at < told[BEGAN]) | ((at == told[BEGAN]) & (item < told[PLACE])))
        target = turns.filter(turns[TURN] == 0).semi_join(last, schema.USER_ID)
        return told.select(events.columns), target.select(events.columns)


def _refuse_restarting(events: Table) -> None:
    """DataError where session ids are numbers that begin anew with every user: their sessions would melt into one.

    It shows by several users of one id, or, where nobody is signed in, by visits that last longer than a day.
    """
    at = unix_seconds(events[schema.TIMESTAMP])
    found = events.group_by(schema.SESSION_ID).agg(users=events[schema.USER_ID].nunique(), lasts=at.max() - at.min())
    melted = {"shared": found.users > 1, "long": (found.users == 0) & (found.lasts > DAY_S)}
    counted = {name: of.cast("int64").sum() for name, of in melted.items()}
    (counts,) = found.aggregate(n=found.count(), **counted).to_pyarrow().to_pylist()
    words = {"shared": "belong to several users each", "long": "last longer than a day each, without a user"}
    for kind, said in words.items():
        if counts["n"] and counts[kind] > SHARED_AT_MOST * counts["n"]:
            raise DataError(
                f"split: {counts[kind]:,} of {counts['n']:,} session ids {said}, as if they began anew with every "
                "visitor; join the visitor's id and the session's in one column and map session_id to it."
            )


def _as_users(events: Table) -> Table:
    """The events, all of sessions, with the session's id in the place of the user's."""
    return events.mutate(**{schema.USER_ID: events[schema.SESSION_ID]})


def _sessions(events: Table) -> Table:
    """One row per session: when it ended."""
    return events.group_by(schema.USER_ID).agg(**{ENDED: events[schema.TIMESTAMP].max()})
