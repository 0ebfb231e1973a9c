"""Cold items: the target holds only items of which no history tells, though the catalogue holds them.

Use it to see what a recommender makes of new products. Only models that know more of an item than who bought it can
say anything here; the others score 0, and the ranker cannot be trained where no model proposes what was bought.
It keeps the cut-off times of the temporal split. `hold_out: first_seen` takes the items first seen in the window;
`share` takes a hashed share of all items out of fitting, another for each fold (the test's out of both).
What leaks: which of the new items will be wanted at all: the catalogue holds the cold items that the fold's events
name, not all that the shop had on its shelves. Source: Schein et al. 2002 (doi:10.1145/564376.564421).
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


class ColdItemsConfig(SharesConfig):
    """test_share, validation_share: of the time, as in the temporal split."""

    method: Literal["cold_items"] = "cold_items"
    hold_out: Literal["first_seen", "share"] = "first_seen"
    items_share: float = Field(0.1, gt=0, lt=0.5, description="of the items, held out for the test; as many again for "
                               "the validation; only for hold_out: share")  # fmt: skip
    salt: str = Field("items", description="another text holds out other items")


class ColdItems(Splitter):
    """Temporal folds whose target items are in no history."""

    Config = ColdItemsConfig
    leaks: ClassVar = (
        "which new items will be wanted: the catalogue holds the cold items that the fold's events name, not all that "
        "the shop had"
    )

    def _folds(self, events: Events) -> list[Fold]:
        make = self._first_seen if self.config.hold_out == "first_seen" else self._share
        return [make(events, window) for window in cutoffs.windows_of(events.standing, self.config)]

    def _first_seen(self, events: Events, window: Window) -> Fold:
        past, wanted = cutoffs.history(self, events, window), cutoffs.target(self, events, window)
        return _fold(window, past, wanted.anti_join(events.known_at(window.cutoff), schema.ITEM_ID))

    def _share(self, events: Events, window: Window) -> Fold:
        past, wanted = cutoffs.history(self, events, window), cutoffs.target(self, events, window)
        share, test = self.config.items_share, window.name == layout.TEST_FOLD
        low = 0.0 if test else share
        return _fold(
            window,
            past.filter(~self._held_out(past, 0.0, share if test else 2 * share)),
            wanted.filter(self._held_out(wanted, low, low + share)),
        )

    def _held_out(self, events: Table, low: float, high: float) -> BooleanValue:
        return shares.within(events[schema.ITEM_ID], low, high, self.config.salt)


def _fold(window: Window, past: Table, wanted: Table) -> Fold:
    listed = wanted.select(schema.ITEM_ID).distinct()
    return Fold(window.name, past, wanted, now=window.cutoff, cutoff=window.cutoff, listed=listed)
