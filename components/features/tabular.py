"""Slow features: aggregates of items and users as of a cut-off, computed by the data engine once per snapshot.

Pure Ibis expressions over the canonical tables; the caller decides which engine runs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import ibis
from ibis.expr.types import Table

from components.core import schema as s
from components.data.engine import unix_seconds

RECENT_DAYS = 28
LINES = "lines"
WEEK_DAYS = 7


def pairs_of(history: Table) -> Table:
    """Who bought what: user_id, item_id and LINES, each pair once. The dearest grouping of all; compute it once."""
    return history.group_by(s.USER_ID, s.ITEM_ID).agg(**{LINES: history.count()})


def item_features(history: Table, cutoff: datetime, pairs: Table | None = None) -> Table:
    """One row per item sold before the cut-off: what the item is like, whatever the week.

    history  canonical interactions, all before `cutoff`
    pairs    `pairs_of` them, where it was computed already
    Columns  item_id and float64 numbers; money in the shop's currency, ages in days, shares in [0, 1]
    """
    at, recent, _ = _windows(history, cutoff)
    value, discount = history[s.VALUE], history[s.DISCOUNT]
    pairs = pairs_of(history) if pairs is None else pairs
    buyers = pairs.group_by(s.ITEM_ID).agg(users=pairs.count(), repeat_rate=(pairs[LINES] > 1).mean())
    sums = history.group_by(s.ITEM_ID).agg(
        purchases=history.count(),
        purchases_28d=recent.sum(),
        price=_unit_price(history).mean(),
        price_28d=_unit_price(history).mean(where=recent),
        discount_share=discount.sum() / (value + discount).sum().nullif(0),
        discount_share_28d=discount.sum(where=recent) / (value + discount).sum(where=recent).nullif(0),
        coupon_share=(history[s.COUPON_DISCOUNT] > 0).mean(),
        age_days=_days_before(at.min(), cutoff),
        idle_days=_days_before(at.max(), cutoff),
    )
    return _numbers(_joined(sums, buyers).relocate("users", after=s.ITEM_ID), s.ITEM_ID)


def context_features(history: Table, promotions: Table, cutoff: datetime) -> Table:
    """One row per item sold before the cut-off: what is special about it at that moment.

    history     canonical interactions, all before `cutoff`
    promotions  canonical promotions; the newest week that began by the cut-off counts (it is printed in advance)
    Columns     item_id and float64 numbers:
                purchases_7d                  demand of the last 7 days, in lines
                trend                         demand of the last 28 days over the 28 before; 1 is steady
                price_change                  unit price of the last 28 days over the usual one; missing if none sold
                display_share, mailer_share   of the promoting stores, 0 without a promotion
    """
    at, recent, week = _windows(history, cutoff)
    before = ~recent & (at >= ibis.literal(cutoff - timedelta(days=2 * RECENT_DAYS)))
    price = _unit_price(history)
    now = history.group_by(s.ITEM_ID).agg(
        purchases_7d=week.sum(),
        trend=(recent.sum() + 1.0) / (before.sum() + 1.0),
        price_change=price.mean(where=recent) / price.mean().nullif(0),
    )
    joined = _joined(now, _current_promotions(promotions, cutoff))
    shares = {c: joined[c].fill_null(0.0) for c in (s.DISPLAY_SHARE, s.MAILER_SHARE)}
    return _numbers(joined.mutate(**shares), s.ITEM_ID)


def user_features(
    history: Table,
    items: Table,
    cutoff: datetime,
    private_brands: Sequence[str] = (),
    pairs: Table | None = None,
) -> Table:
    """One row per user who bought before the cut-off: spending, discounts, own brands, rhythm.

    history         canonical interactions, all before `cutoff`
    items           canonical items
    private_brands  values of `brand` that are the shop's own; without any, user_private_share is 0
    pairs           `pairs_of` the history, where it was computed already
    Columns         user_id and float64 numbers
    """
    at = history[s.TIMESTAMP]
    value, discount = history[s.VALUE], history[s.DISCOUNT]
    sums = history.group_by(s.USER_ID).agg(
        user_lines=history.count(),
        user_spend=value.sum(),
        user_price=_unit_price(history).mean(),
        user_discount_share=discount.sum() / (value + discount).sum().nullif(0),
        user_coupon_share=(history[s.COUPON_DISCOUNT] > 0).mean(),
        user_idle_days=_days_before(at.max(), cutoff),
    )
    shelves = _shelves(pairs_of(history) if pairs is None else pairs, items, private_brands)
    found = sums
    for more in (_baskets(history, cutoff), shelves):
        found = found.left_join(more, s.USER_ID).drop(f"{s.USER_ID}_right")
    found = found.relocate("user_baskets", "user_baskets_28d", "user_items", after="user_lines")
    found = found.relocate("user_private_share", after="user_coupon_share")
    return _numbers(found.mutate(user_spend_per_basket=found.user_spend / found.user_baskets), s.USER_ID)


def _shelves(pairs: Table, items: Table, private_brands: Sequence[str]) -> Table:
    """Items of each user, and the share of the lines, of those whose brand is known, that are of the shop's own."""
    own_brand = items.select(s.ITEM_ID, own_brand=items[s.BRAND].isin(tuple(private_brands)))
    known = pairs.left_join(own_brand, s.ITEM_ID)
    own = known[LINES].sum(where=known.own_brand).coalesce(0)
    listed = known[LINES].sum(where=known.own_brand.notnull())
    return known.group_by(s.USER_ID).agg(user_items=known.count(), user_private_share=own / listed)


def _baskets(history: Table, cutoff: datetime) -> Table:
    """Baskets of each user, in all and of the last 28 days.

    Grouped twice: two distinct counts in one grouping cost the engine more than twice as much.
    """
    _, recent, _ = _windows(history, cutoff)
    baskets = history.group_by(s.USER_ID, s.SESSION_ID).agg(is_recent=recent.any())
    return baskets.group_by(s.USER_ID).agg(user_baskets=baskets.count(), user_baskets_28d=baskets.is_recent.sum())


def _joined(items: Table, more: Table) -> Table:
    return items.left_join(more, s.ITEM_ID).drop(f"{s.ITEM_ID}_right")


def _windows(lines: Table, cutoff: datetime) -> tuple[ibis.Value, ibis.Value, ibis.Value]:
    at = lines[s.TIMESTAMP]
    since = [at >= ibis.literal(cutoff - timedelta(days=days)) for days in (RECENT_DAYS, WEEK_DAYS)]
    return at, since[0], since[1]


def _unit_price(lines: Table) -> ibis.Value:
    return lines[s.VALUE] / lines[s.QUANTITY].nullif(0)


def _days_before(at: ibis.Value, cutoff: datetime) -> ibis.Value:
    return (unix_seconds(ibis.literal(cutoff)) - unix_seconds(at)) / 86_400.0


def _current_promotions(promotions: Table, cutoff: datetime) -> Table:
    begun = promotions.filter(promotions[s.WEEK_START] <= ibis.literal(cutoff))
    newest = begun.filter(begun[s.WEEK_START] == begun[s.WEEK_START].max())
    return newest.group_by(s.ITEM_ID).agg(
        **{c: newest[c].max() for c in (s.DISPLAY_SHARE, s.MAILER_SHARE)},
    )


def _numbers(table: Table, key: str) -> Table:
    numbers = {c: table[c].cast("float64") for c in table.columns if c != key}
    return table.select(table[key], **numbers).order_by(key)
