"""Cancellations: each undoes the purchase it belongs to, and neither stays.

Use it always: a returned good is no sign of taste. A cancellation belongs to the latest purchase of the same user and
item, not later than itself, that still has enough quantity; cancellations are matched in the order of their times, as a
person would with the receipts in hand. One that takes all removes the purchase; a smaller one takes its quantity and
the same share of value and discounts. One without a purchase is counted and dropped (it was bought before the data
begin). Nothing is known before its time: what was undone is kept beside the clean tables (components/data/undone.py),
so that a history cut off between a purchase and its cancellation still holds the purchase.
Cost: joins and windows over the users and items that have cancellations only; none without cancellations. The rounds
are of whole tables: a second one is needed only where two cancellations compete for one purchase.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from components.core import schema
from components.core.config import Config
from components.data import undone
from components.data.cleaner import Cleaned, Cleaner, Effect, Work, row_count, totals

if TYPE_CHECKING:
    from ibis import Table

PAIR = (schema.USER_ID, schema.ITEM_ID)
KEY, LEFT, NEED, CHOICE, TAKEN = "line_key", "line_left", "line_need", "line_choice", "line_taken"
AT, UNDONE_AT = schema.TIMESTAMP, undone.UNDONE_AT
TOLERANCE = 1e-9  # quantities are counts or weights; below it a rest is rounding
MATCHED = "rows dropped: cancellations matched to their purchase"
UNMATCHED = "rows dropped: cancellations of no known purchase"
WHOLE = "rows dropped: purchases cancelled as a whole"
PARTLY = "purchases made smaller by a cancellation of a part"


class CancellationsConfig(Config):
    """No options."""


class Cancellations(Cleaner):
    """No cancellation, and no purchase that was cancelled."""

    Config = CancellationsConfig
    version = 1
    required = True

    def apply(self, tables: Mapping[str, Table], work: Work) -> Cleaned:
        """Interactions without cancellations; what they undid is marked by when."""
        import ibis

        name = schema.INTERACTIONS_TABLE
        events = tables[name]
        is_cancellation = (events[schema.EVENT_TYPE] == schema.CANCELLATION).fill_null(False)
        count = totals(events, {"n": is_cancellation.sum()})["n"]
        if not count:
            return Cleaned()
        cancelled = work.stored("cancellations", name, _numbered(events.filter(is_cancellation), NEED))
        others = events.filter(~is_cancellation)
        can_be_undone = others.filter(others[schema.EVENT_TYPE] == schema.PURCHASE).semi_join(cancelled, PAIR)
        purchases = work.stored("cancellable", name, _numbered(can_be_undone, LEFT))
        takings = work.stored("takings", name, match(purchases, cancelled, work))
        rest = work.stored("left_over", name, remaining(purchases, takings))
        untouched = others.filter(others[schema.EVENT_TYPE] != schema.PURCHASE).union(
            others.filter(others[schema.EVENT_TYPE] == schema.PURCHASE).anti_join(cancelled, PAIR)
        )
        matched, bought, left = row_count(takings), row_count(purchases), row_count(rest)
        partly = row_count(rest.filter(rest[LEFT] < rest[schema.QUANTITY].fill_null(1.0)))
        effects = (
            Effect(name, "cancellations_matched", matched, MATCHED),
            Effect(name, "cancellations_unmatched", count - matched, UNMATCHED),
            Effect(name, "purchases_cancelled", bought - left, WHOLE),
            Effect(name, "purchases_reduced", partly, PARTLY),
        )
        standing = untouched.union(_reduced(rest).select(*events.columns))
        marked = standing.mutate(**{UNDONE_AT: ibis.null("timestamp(6)")}).union(undone_lines(purchases, takings))
        return Cleaned({name: marked}, effects)


def match(purchases: Table, cancelled: Table, work: Work) -> Table:
    """Which cancellation takes how much of which purchase.

    purchases  lines with KEY (number within user and item, oldest first) and LEFT (their quantity)
    cancelled  cancellations with KEY and NEED
    Returns    user_id, item_id, CHOICE (a purchase's KEY), KEY (the cancellation's), UNDONE_AT, TAKEN; one row per
               matched cancellation
    """
    taken, waiting = [], cancelled
    for turn in range(row_count(cancelled)):  # every round settles at least one; few are needed
        left = _less(purchases, taken)
        wishes = work.stored(f"wishes_{turn}", schema.INTERACTIONS_TABLE, _wishes(left, waiting))
        granted = wishes.filter(wishes.granted).select(*PAIR, CHOICE, KEY, UNDONE_AT, **{TAKEN: wishes[NEED]})
        taken.append(granted)
        # What found no purchase now finds none later: purchases only get smaller.
        again = wishes.filter(~wishes.granted)
        if not row_count(again):
            break
        waiting = cancelled.semi_join(again, (*PAIR, KEY))
    return _union(taken)


def _wishes(purchases: Table, waiting: Table) -> Table:
    """For every waiting cancellation the latest purchase with enough left, and whether it is granted this round.

    It is, if every earlier one of the same user and item is granted too, so that nothing overtakes.
    """
    import ibis

    lines = purchases.select(*PAIR, **{CHOICE: purchases[KEY], "bought_at": purchases[AT], LEFT: purchases[LEFT]})
    asked = waiting.select(*PAIR, KEY, NEED, **{UNDONE_AT: waiting[AT]})
    pairs = asked.inner_join(lines, PAIR)
    fits = pairs.filter((pairs.bought_at <= pairs[UNDONE_AT]) & (pairs[LEFT] >= pairs[NEED] - TOLERANCE))
    latest = ibis.row_number().over(ibis.window(group_by=[*PAIR, KEY], order_by=fits[CHOICE].desc()))
    wish = fits.mutate(place=latest)
    wish = wish.filter(wish.place == 0).drop("place", "bought_at")
    so_far = ibis.window(group_by=[*PAIR, CHOICE], order_by=KEY, preceding=None, following=0)
    asked_of = wish.mutate(asked=wish[NEED].sum().over(so_far))
    over = asked_of.mutate(over=(asked_of.asked > asked_of[LEFT] + TOLERANCE).cast("int64"))
    before = ibis.window(group_by=list(PAIR), order_by=KEY, preceding=None, following=0)
    return over.mutate(granted=over.over.sum().over(before) == 0).drop("asked", "over")


def _less(purchases: Table, taken: list[Table]) -> Table:
    """The purchases with what is left of them after some takings."""
    if not taken:
        return purchases
    gone = _sums(_union(taken))
    joined = purchases.left_join(gone, [*PAIR, purchases[KEY] == gone[CHOICE]])
    return joined.mutate(**{LEFT: joined[LEFT] - joined[TAKEN].fill_null(0.0)}).select(*purchases.columns)


def _sums(takings: Table) -> Table:
    return takings.group_by(*PAIR, CHOICE).agg(**{TAKEN: takings[TAKEN].sum()})


def remaining(purchases: Table, takings: Table) -> Table:
    """The purchases of which something is left."""
    left = _less(purchases, [takings])
    return left.filter(left[LEFT] > TOLERANCE)


def undone_lines(purchases: Table, takings: Table) -> Table:
    """What was taken, one line per taking as if it had been a purchase of its own, and when it was undone."""
    taken = purchases.inner_join(takings, [*PAIR, purchases[KEY] == takings[CHOICE]])
    part = taken[TAKEN] / taken[schema.QUANTITY].fill_null(1.0)
    scaled = {c: taken[c] * part for c in undone.AMOUNTS if c != schema.QUANTITY}
    columns = [c for c in purchases.columns if c not in (KEY, LEFT)]
    lines = taken.mutate(**scaled, **{schema.QUANTITY: taken[TAKEN]}).select(*columns, UNDONE_AT)
    return lines.mutate(**{UNDONE_AT: lines[UNDONE_AT].cast("timestamp(6)")})


def _reduced(rest: Table) -> Table:
    """Amounts in proportion to the quantity that is left; untouched lines keep every digit."""
    bought = rest[schema.QUANTITY].fill_null(1.0)
    whole = (rest[LEFT] - bought).abs() <= TOLERANCE
    part = rest[LEFT] / bought
    scaled = {c: whole.ifelse(rest[c], rest[c] * part) for c in undone.AMOUNTS if c != schema.QUANTITY}
    return rest.mutate(**scaled, **{schema.QUANTITY: whole.ifelse(rest[schema.QUANTITY], rest[LEFT])})


def _numbered(events: Table, amount: str) -> Table:
    """The events numbered within user and item by time, with their quantity (1 where none is given) as `amount`."""
    import ibis

    order = [AT, *(c for c in events.columns if c != AT)]
    number = ibis.row_number().over(ibis.window(group_by=list(PAIR), order_by=order))
    return events.mutate(**{KEY: number, amount: events[schema.QUANTITY].fill_null(1.0)})


def _union(tables: list[Table]) -> Table:
    import ibis

    return tables[0] if len(tables) == 1 else ibis.union(*tables)
