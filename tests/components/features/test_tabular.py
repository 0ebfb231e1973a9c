"""Slow features on literal tables: right sums, and nothing from after the cut-off."""

from datetime import datetime, timedelta

import ibis
import pandas as pd
import pytest

from components.core import schema
from components.features.tabular import context_features, item_features, user_features

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
        columns=schema.INTERACTIONS[:10],
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
    milk, tea = item_features(HISTORY, CUTOFF).to_pandas().to_dict("records")
    assert (milk["users"], milk["purchases"], milk["purchases_28d"]) == (2, 3, 1)
    assert milk["repeat_rate"] == 0.5
    assert milk["price"] == pytest.approx((2 + 1.5 + 2) / 3)
    assert milk["discount_share"] == pytest.approx(1 / 8)
    assert (milk["age_days"], milk["idle_days"]) == (60, 3)
    assert tea["coupon_share"] == 1


def test_context_features_of_hand_made_lines():
    milk, tea = context_features(HISTORY, PROMOTIONS, CUTOFF).to_pandas().to_dict("records")
    assert (milk["purchases_7d"], tea["purchases_7d"]) == (1, 1)
    assert (milk["trend"], tea["trend"]) == ((1 + 1) / (1 + 1), (1 + 1) / (0 + 1))
    assert milk["price_change"] == pytest.approx(1.5 / ((2 + 1.5 + 2) / 3))


def test_the_moment_moves_the_context_and_leaves_the_price_of_all_time():
    later = CUTOFF + timedelta(days=30)
    milk, tea = context_features(HISTORY, PROMOTIONS, later).to_pandas().to_dict("records")
    assert (milk["purchases_7d"], milk["trend"]) == (0, 1 / 2)
    assert pd.isna(milk["price_change"]), "no price now"
    assert (milk["display_share"], tea["display_share"]) == (0, 1), "the newest week is another one"
    assert item_features(HISTORY, later).to_pandas()["price"].tolist() == pytest.approx([(2 + 1.5 + 2) / 3, 5])


def test_no_column_describes_both_the_item_and_the_moment():
    steady, moment = item_features(HISTORY, CUTOFF), context_features(HISTORY, PROMOTIONS, CUTOFF)
    assert set(steady.columns) & set(moment.columns) == {schema.ITEM_ID}
    assert set(moment.columns) >= {"purchases_7d", "trend", "price_change", "display_share", "mailer_share"}


def test_only_the_newest_promotion_week_that_has_begun_counts():
    milk, tea = context_features(HISTORY, PROMOTIONS, CUTOFF).to_pandas().to_dict("records")
    assert (milk["display_share"], milk["mailer_share"]) == (0.5, 0.25)
    assert tea["display_share"] == 0, "next week's promotion must not be known yet"


def test_own_brands_are_those_the_shop_names():
    nobody = user_features(HISTORY, ITEMS, CUTOFF).to_pandas()["user_private_share"].tolist()
    others = user_features(HISTORY, ITEMS, CUTOFF, ["National"]).to_pandas()["user_private_share"].tolist()
    assert (nobody, others) == ([0, 0], [0, 0.5])


def test_user_features_of_hand_made_lines():
    a, b = user_features(HISTORY, ITEMS, CUTOFF, ["Private"]).to_pandas().to_dict("records")
    assert (a["user_baskets"], a["user_baskets_28d"], a["user_items"]) == (2, 1, 1)
    assert (a["user_private_share"], b["user_private_share"]) == (1, 0.5)
    assert a["user_spend_per_basket"] == 2.5
