"""Leave-last-out: every user's last event is the test, the one before it the validation.

Use it where only the order of events is known, or to compare with papers that do so; never to decide on a release.
What leaks: other users' events from after a user's moment are in the histories that models are fitted on, so a model
knows what becomes popular later, and what was cancelled later is not in them; and what else a user did at the very
moment of the target, in the same basket, is in that user's history. All users are asked at the end of the data, so an
age counts from there, not from the user's own moment. Source: Meng et al. 2020 (doi:10.1145/3383313.3418479) on how
much it flatters.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from components.core import schema
from components.splits import last
from components.splits.last import LastConfig
from components.splits.splitter import Events, Fold, Splitter


class LeaveLastOutConfig(LastConfig):
    """min_turns counts a user's events; equal events of one item at one time count once."""

    method: Literal["leave_last_out"] = "leave_last_out"


class LeaveLastOut(Splitter):
    """A user's events in order of time, then of item id."""

    Config = LeaveLastOutConfig
    needs_times: ClassVar = False
    leaks: ClassVar = (
        "the future of other users: their events from after a user's last one are in the history that models are "
        "fitted on, and what was cancelled later is not; and the rest of the target's own basket is in its user's "
        "history"
    )

    def _folds(self, events: Events) -> list[Fold]:
        wanted = self.wanted(events.standing)
        marked = wanted.mutate(**{last.BEGAN: wanted[schema.TIMESTAMP], last.PLACE: wanted[schema.ITEM_ID]})
        return last.folds(self, events.standing, marked)
