"""Cold users: a hashed share of the users is in no history; their pasts are told only when they are asked.

Use it to see how well people are served whom the models were not fitted on: new accounts, guests with a session.
It keeps the cut-off times of the temporal split. The test's users are one share, the validation's another; the test's
are in neither fold's history.
What leaks: nothing. Only users with some past before the cut-off can be asked, so this says nothing about people of
whom nothing at all is known. Source: Liang et al. 2018 (doi:10.1145/3178876.3186150), strong generalisation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from components.core import layout, schema
from components.splits import cutoffs, shares
from components.splits.cutoffs import SharesConfig, Window
from components.splits.splitter import Events, Fold, Splitter

if TYPE_CHECKING:
    from ibis import Table
    from ibis.expr.types import BooleanValue


class ColdUsersConfig(SharesConfig):
    """test_share, validation_share: of the time, as in the temporal split."""

    method: Literal["cold_users"] = "cold_users"
    users_share: float = Field(0.1, gt=0, lt=0.5, description="of the users, held out for the test; as many again for "
                               "the validation")  # fmt: skip
    salt: str = Field("users", description="another text holds out other users")


class ColdUsers(Splitter):
    """Temporal folds whose target users are in no history."""

    Config = ColdUsersConfig
    leaks: ClassVar = "nothing: the users of a target, and all events at or after the cut-off, are in no history"

    def _folds(self, events: Events) -> list[Fold]:
        return [self._fold(events, window) for window in cutoffs.windows_of(events.standing, self.config)]

    def _fold(self, events: Events, window: Window) -> Fold:
        past, wanted = cutoffs.history(self, events, window), cutoffs.target(self, events, window)
        return Fold(
            window.name,
            past.filter(~self._cold(past, window)),
            wanted.filter(self._asked(wanted, window)),
            now=window.cutoff,
            cutoff=window.cutoff,
            asked=past.filter(self._asked(past, window)),
        )

    def _asked(self, events: Table, window: Window) -> BooleanValue:
        """The users of the fold's own share."""
        low = 0.0 if window.name == layout.TEST_FOLD else self.config.users_share
        return shares.within(events[schema.USER_ID], low, low + self.config.users_share, self.config.salt)

    def _cold(self, events: Table, window: Window) -> BooleanValue:
        """The users who are not fitted on: the fold's own share and the test's."""
        high = self.config.users_share * (1 if window.name == layout.TEST_FOLD else 2)
        return shares.within(events[schema.USER_ID], 0.0, high, self.config.salt)
