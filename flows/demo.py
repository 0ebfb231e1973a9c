"""What the shop would see: one user's past baskets, and the service's answer to it, in product words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.table import Table

from components.core import layout, schema
from components.splits import store
from flows import serving
from flows.closing import wide_console

BASKETS_SHOWN = 3
ITEMS_SHOWN = 8
ANSWERS_SHOWN = 10


def show_one_user(root: Path, url: str) -> None:
    """Ask the service at `url` for one user of the test fold, and print its past and the answers."""
    user_id, baskets = past_baskets(root)
    asked = {"user_id": user_id, "pseudonymous": True, "k": ANSWERS_SHOWN}  # the id is that of our own tables
    both = serving.post(url, "/recommend", asked)
    new = serving.post(url, "/recommend", asked | {"exclude_seen": True})
    console = wide_console()
    console.print(_basket_table(user_id, baskets))
    console.print(_answer_table(f"Next basket, by release version {both['version']}", both))
    console.print(_answer_table("The same, only items new to the user", new))


def past_baskets(root: Path) -> tuple[str, list[tuple[str, list[str]]]]:
    """A user of middling activity, and its last baskets as (day, titles), newest last."""
    columns = [schema.USER_ID, schema.ITEM_ID, schema.SESSION_ID, schema.TIMESTAMP]
    events = pq.read_table(root / layout.SPLIT / layout.TEST_FOLD / store.HISTORY, columns=columns)
    users = events.group_by(schema.USER_ID).aggregate([(schema.ITEM_ID, "count")])
    ranked = users.sort_by([(f"{schema.ITEM_ID}_count", "ascending"), (schema.USER_ID, "ascending")])
    user_id = ranked[schema.USER_ID][len(ranked) // 2].as_py()
    own = events.filter(pc.equal(events[schema.USER_ID], user_id)).sort_by(schema.TIMESTAMP).to_pylist()
    titles = _titles(root)
    baskets: dict[str, tuple[str, list[str]]] = {}
    for event in own:
        day = f"{event[schema.TIMESTAMP]:%Y-%m-%d}"
        basket = baskets.setdefault(event[schema.SESSION_ID], (day, []))
        basket[1].append(titles.get(event[schema.ITEM_ID]) or event[schema.ITEM_ID])
    return user_id, list(baskets.values())[-BASKETS_SHOWN:]


def _titles(root: Path) -> dict[str, str]:
    table = pq.read_table(root / layout.CLEAN / "items.parquet", columns=[schema.ITEM_ID, schema.TITLE])
    return dict(zip(table[schema.ITEM_ID].to_pylist(), table[schema.TITLE].to_pylist(), strict=True))


def _basket_table(user_id: str, baskets: list[tuple[str, list[str]]]) -> Table:
    out = Table(title=f"User {user_id}: its last baskets before the cut-off", title_justify="left")
    out.add_column("day")
    out.add_column("bought")
    for day, titles in baskets:
        more = f" … and {len(titles) - ITEMS_SHOWN} more" if len(titles) > ITEMS_SHOWN else ""
        out.add_row(day, "; ".join(titles[:ITEMS_SHOWN]) + more)
    return out


def _answer_table(title: str, answer: dict[str, Any]) -> Table:
    out = Table(title=title, title_justify="left")
    for name in ("rank", "product", "category", "price"):
        out.add_column(name, justify="right" if name in ("rank", "price") else "left")
    for item in answer["items"]:
        price = "" if item["price"] is None else f"{item['price']:.2f}"
        out.add_row(str(item["rank"]), item["title"] or item["item_id"], item["category"] or "", price)
    if answer["fallback"]:
        out.caption = f"not personal: {answer['fallback']}"
    return out
