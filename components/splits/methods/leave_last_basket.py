"""Leave-last-basket: every user's last basket is the test, the one before it the validation.

Use it for shops of baskets where only the order is known, or to compare with papers on the next basket; never to
decide on a release. A basket is what a user did in one session, and it began with the first event of it; sessions
that began at the same time are one basket.
What leaks: other users' events from after a user's moment are in the histories that models are fitted on, so a model
knows what becomes popular later, and what was cancelled later is not in them. All users are asked at the end of the
data, so an age counts from there, not from the user's own moment. Source: Li et al. 2023 (doi:10.1145/3587153) on
next-basket evaluation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from components.core import schema
from components.splits import last
from components.splits.last import LastConfig
from components.splits.splitter import Events, Fold, Splitter

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import TimestampValue


class LeaveLastBasketConfig(LastConfig):
    """min_turns counts a user's baskets."""

    method: Literal["leave_last_basket"] = "leave_last_basket"


class LeaveLastBasket(Splitter):
    """A user's baskets in the order in which they began; what the user did from then on is in no history."""

    Config = LeaveLastBasketConfig
    needs_times: ClassVar = False
    leaks: ClassVar = (
        "the future of other users: their events from after a user's last basket are in the history that models are "
        "fitted on, and what was cancelled later is not"
    )

    def _folds(self, events: Events) -> list[Fold]:
        import ibis

        standing = events.standing
        began = standing.mutate(**{last.BEGAN: _began(standing), last.PLACE: ibis.literal("")})
        return last.folds(self, standing, self.wanted(began))


def _began(events: Table) -> TimestampValue:
    """When the event's basket began; an event without a session is a basket of its own time."""
    import ibis

    at, session = events[schema.TIMESTAMP], events[schema.SESSION_ID]
    first = at.min().over(ibis.window(group_by=[schema.USER_ID, schema.SESSION_ID]))
    return session.isnull().ifelse(at, first)
