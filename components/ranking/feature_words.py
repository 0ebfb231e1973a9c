"""The ranker's features in words that a shop's people read; a feature without words of its own keeps its name."""

from __future__ import annotations

import re

WORDS = {
    "fused_rank": "many models agree on it",
    "bought": "how often this person bought it",
    "bought_share": "in how many of this person's baskets it is",
    "age_days": "days since this person bought it",
    "tenure_days": "days since this person first bought it",
    "cadence_days": "usual days between this person's purchases of it",
    "overdue": "how due it is by this person's rhythm",
    "decayed": "how often this person bought it lately",
    "history_events": "how much this person bought",
    "history_baskets": "how many baskets this person had",
    "history_events_28d": "how much this person bought in 28 days",
    "history_basket_size": "how large this person's baskets are",
    "history_idle_days": "days since this person's last basket",
    "history_days_per_basket": "usual days between this person's baskets",
    "text_affinity": "its words resemble what this person buys",
    "price": "its price",
    "price_28d": "its price in the last 28 days",
    "price_change": "its price now against its usual one",
    "price_against_usual": "its price against what this person usually pays",
    "purchases": "how often it is bought",
    "purchases_7d": "how often it was bought in 7 days",
    "purchases_28d": "how often it was bought in 28 days",
    "item_events": "how often it is bought",
    "trend": "whether demand for it rises",
    "users": "how many people buy it",
    "repeat_rate": "how many buy it again",
    "discount_share": "how much of its price is taken off",
    "discount_share_28d": "how much of its price was taken off in 28 days",
    "coupon_share": "how often a coupon is used on it",
    "display_share": "it is on display",
    "mailer_share": "it is in the mailer",
    "idle_days": "days since anybody bought it",
}
PATTERNS = (
    (r"score\.(.+)", "how strongly {} proposes it"),
    (r"rank\.(.+)", "how high {} lists it"),
    (r"strength\.(.+)", "how strongly {} proposes it, beside what else it proposes"),
    (r"bought_(\d+)d", "how often this person bought it in {} days"),
    (r"(department|category|subcategory)_bought", "how often this person bought of its {}"),
    (r"(department|category|subcategory)_share", "how much of what this person buys is of its {}"),
    (r"(department|category|subcategory)_decayed", "how often this person bought of its {} lately"),
    (r"(department|category|subcategory)_age_days", "days since this person bought of its {}"),
    (r"user_(.+)", "this person's {}"),
)


def in_words(feature: str) -> str:
    """E.g. "score.item_knn" → "how strongly item_knn proposes it"."""
    if feature in WORDS:
        return WORDS[feature]
    for pattern, words in PATTERNS:
        if found := re.fullmatch(pattern, feature):
            return words.format(found[1].replace("_", " ") if feature.startswith("user_") else found[1])
    return feature
