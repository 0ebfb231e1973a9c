"""Slow features on literal tables: right sums, and nothing from after the cut-off."""

from datetime import datetime, timedelta

import ibis
import pandas as pd
import pytest

from components.core import schema
from components.features.tabular import item_features, user_features

CUTOFF = datetime(2024, 3, 1)  # noqa: DTZ001 - canonical times are UTC without a zone


def line(user, item, days_ago, value=2.0, quantity=1.0, discount=0.0, coupon=0.0, basket=None):
    at = CUTOFF - timedelta(days=days_ago)
    return (user, item, "purchase", at, value, quantity, basket or f"{user}{days_ago}", "s", discount, coupon)


HISTORY = ibis.memtable(
    pd.DataFrame(
        [
            line("a", "milk", 60),
            line("a", "milk", 3, value=3, quantity=2, discount=1),
            line("b", "milk", 40, value=2),
            line("b", "tea", 5, value=5, coupon=1),
        ],
        columns=schema.INTERACTIONS,
    )
)
PROMOTIONS = ibis.memtable(
    pd.DataFrame(
        [
            ("milk", CUTOFF - timedelta(days=3), 0.5, 0.25),
            ("milk", CUTOFF - timedelta(days=10), 0.9, 0.9),
            ("tea", CUTOFF + timedelta(days=4), 1.0, 1.0),
        ],
        columns=schema.PROMOTIONS,
    )
)
ITEMS = ibis.memtable(pd.DataFrame([("milk", "Private"), ("tea", "National")], columns=[schema.ITEM_ID, schema.BRAND]))


def test_item_features_of_hand_made_lines():
    milk, tea = item_features(HISTORY, PROMOTIONS, CUTOFF).to_pandas().to_dict("records")
    assert (milk["households"], milk["purchases"], milk["purchases_28d"], milk["purchases_7d"]) == (2, 3, 1, 1)
    assert milk["repeat_rate"] == 0.5
    assert milk["price"] == pytest.approx((2 + 1.5 + 2) / 3)
    assert milk["discount_share"] == pytest.approx(1 / 8)
    assert (milk["age_days"], milk["idle_days"]) == (60, 3)
    assert tea["coupon_share"] == 1


def test_only_the_newest_promotion_week_that_has_begun_counts():
    milk, tea = item_features(HISTORY, PROMOTIONS, CUTOFF).to_pandas().to_dict("records")
    assert (milk["display_share"], milk["mailer_share"]) == (0.5, 0.25)
    assert tea["display_share"] == 0, "next week's promotion must not be known yet"


def test_user_features_of_hand_made_lines():
    a, b = user_features(HISTORY, ITEMS, CUTOFF).to_pandas().to_dict("records")
    assert (a["user_baskets"], a["user_baskets_28d"], a["user_items"]) == (2, 1, 1)
    assert (a["user_private_share"], b["user_private_share"]) == (1, 0.5)
    assert a["user_spend_per_basket"] == 2.5
