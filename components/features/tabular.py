"""Slow features: aggregates of items and users as of a cut-off, computed by the data engine once per snapshot.

Pure Ibis expressions over the canonical tables; the caller decides which engine runs them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import ibis
from ibis.expr.types import Table

from components.core import schema as s

RECENT_DAYS = 28
WEEK_DAYS = 7
PRIVATE_LABEL = "Private"


def item_features(history: Table, promotions: Table, cutoff: datetime) -> Table:
    """One row per item sold before the cut-off.

    history     canonical interactions, all before `cutoff`
    promotions  canonical promotions; the newest week that began by the cut-off counts (it is printed in advance)
    Columns     item_id and float64 numbers; money in the shop's currency, ages in days, shares in [0, 1]
    """
    at, recent, week = _windows(history, cutoff)
    value, discount = history[s.VALUE], history[s.DISCOUNT]
    per_user = history.group_by(s.ITEM_ID, s.USER_ID).agg(n=history.count())
    repeats = per_user.group_by(s.ITEM_ID).agg(repeat_rate=(per_user.n > 1).mean())
    sums = history.group_by(s.ITEM_ID).agg(
        households=history[s.USER_ID].nunique(),
        purchases=history.count(),
        purchases_28d=recent.sum(),
        purchases_7d=week.sum(),
        previous_28d=(~recent & (at >= ibis.literal(cutoff - timedelta(days=2 * RECENT_DAYS)))).sum(),
        price=_unit_price(history).mean(),
        price_28d=_unit_price(history).mean(where=recent),
        discount_share=discount.sum() / (value + discount).sum().nullif(0),
        discount_share_28d=discount.sum(where=recent) / (value + discount).sum(where=recent).nullif(0),
        coupon_share=(history[s.COUPON_DISCOUNT] > 0).mean(),
        age_days=_days_before(at.min(), cutoff),
        idle_days=_days_before(at.max(), cutoff),
    )
    joined = sums.left_join(repeats, s.ITEM_ID).drop(f"{s.ITEM_ID}_right")
    joined = joined.left_join(_current_promotions(promotions, cutoff), s.ITEM_ID).drop(f"{s.ITEM_ID}_right")
    joined = joined.mutate(
        trend=(joined.purchases_28d + 1.0) / (joined.previous_28d + 1.0),
        price_change=joined.price_28d / joined.price.nullif(0),
        display_share=joined[s.DISPLAY_SHARE].fill_null(0.0),
        mailer_share=joined[s.MAILER_SHARE].fill_null(0.0),
    )
    return _numbers(joined.drop("previous_28d"), s.ITEM_ID)


def user_features(history: Table, items: Table, cutoff: datetime) -> Table:
    """One row per user who bought before the cut-off: spending, discounts, own brands, rhythm.

    history  canonical interactions, all before `cutoff`
    items    canonical items
    Columns  user_id and float64 numbers
    """
    lines = history.left_join(items.select(s.ITEM_ID, s.BRAND), s.ITEM_ID)
    at, recent, _ = _windows(lines, cutoff)
    value, discount = lines[s.VALUE], lines[s.DISCOUNT]
    sums = lines.group_by(s.USER_ID).agg(
        user_lines=lines.count(),
        user_baskets=lines[s.SESSION_ID].nunique(),
        user_baskets_28d=lines[s.SESSION_ID].nunique(where=recent),
        user_items=lines[s.ITEM_ID].nunique(),
        user_spend=value.sum(),
        user_price=_unit_price(lines).mean(),
        user_discount_share=discount.sum() / (value + discount).sum().nullif(0),
        user_coupon_share=(lines[s.COUPON_DISCOUNT] > 0).mean(),
        user_private_share=(lines[s.BRAND] == PRIVATE_LABEL).mean(),
        user_idle_days=_days_before(at.max(), cutoff),
    )
    return _numbers(sums.mutate(user_spend_per_basket=sums.user_spend / sums.user_baskets), s.USER_ID)


def _windows(lines: Table, cutoff: datetime) -> tuple[ibis.Value, ibis.Value, ibis.Value]:
    at = lines[s.TIMESTAMP]
    since = [at >= ibis.literal(cutoff - timedelta(days=days)) for days in (RECENT_DAYS, WEEK_DAYS)]
    return at, since[0], since[1]


def _unit_price(lines: Table) -> ibis.Value:
    return lines[s.VALUE] / lines[s.QUANTITY].nullif(0)


def _days_before(at: ibis.Value, cutoff: datetime) -> ibis.Value:
    return (ibis.literal(cutoff).epoch_seconds() - at.epoch_seconds()) / 86_400.0


def _current_promotions(promotions: Table, cutoff: datetime) -> Table:
    begun = promotions.filter(promotions[s.WEEK_START] <= ibis.literal(cutoff))
    newest = begun.filter(begun[s.WEEK_START] == begun[s.WEEK_START].max())
    return newest.group_by(s.ITEM_ID).agg(
        **{c: newest[c].max() for c in (s.DISPLAY_SHARE, s.MAILER_SHARE)},
    )


def _numbers(table: Table, key: str) -> Table:
    numbers = {c: table[c].cast("float64") for c in table.columns if c != key}
    return table.select(table[key], **numbers).order_by(key)
