"""The small shop that deep models are tried on."""

import numpy as np

from components.core.dataset import DAY_S, Dataset

NOW = 400 * DAY_S


def weekly_shop(n_users: int = 40, n_items: int = 30, most_baskets: int = 12, most_items: int = 4) -> Dataset:
    """Users with 1 to `most_baskets` weekly baskets of 1 to `most_items` items."""
    draw = np.random.default_rng(5)
    rows = [
        (user, item, NOW - (basket + 1) * 7 * DAY_S)
        for user in range(n_users)
        for basket in range(1 + user % most_baskets)
        for item in draw.choice(n_items, draw.integers(1, most_items + 1), replace=False)
    ]
    users, items, times = np.array(rows).T
    return Dataset.from_events(users.astype(str), np.char.zfill(items.astype(str), 2), times, NOW)
