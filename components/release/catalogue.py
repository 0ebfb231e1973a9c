"""What a release knows about items besides vectors and scores: words and prices, for answers and filters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.core import bundle, schema
from components.core.errors import ReleaseError
from components.core.vocabulary import Vocabulary

PRICE = "price"  # median paid per unit before the cut-off
POPULARITY = "popularity"
WORDS = (schema.TITLE, schema.DEPARTMENT, schema.CATEGORY, schema.BRAND)


@dataclass(frozen=True)
class Filters:
    """What may be recommended; None does not restrict.

    categories  names of categories or departments, in any letter case
    min_price, max_price  both included; an item without a known price passes neither
    """

    categories: tuple[str, ...] | None = None
    min_price: float | None = None
    max_price: float | None = None

    @property
    def any(self) -> bool:
        """Whether anything is restricted."""
        return self != Filters()


class Catalogue:
    """Columns in the order of the release's item vocabulary."""

    def __init__(self, table: pa.Table):
        """table: catalogue.parquet."""
        self.items = Vocabulary(table[schema.ITEM_ID].to_numpy(zero_copy_only=False))
        self.words = {name: table[name].to_pylist() for name in WORDS}
        self.price = table[PRICE].to_numpy(zero_copy_only=False).astype(np.float64)
        told = schema.STOCK in table.column_names
        self.stock = table[schema.STOCK].to_numpy(zero_copy_only=False).astype(np.float64) if told else None
        self._rows_of: dict[str, list[int]] = {}
        for level in (schema.DEPARTMENT, schema.CATEGORY):
            for row, name in enumerate(self.words[level]):
                if name:
                    self._rows_of.setdefault(name.casefold(), []).append(row)

    @classmethod
    def read(cls, path: Path, items: Vocabulary) -> Catalogue:
        """Read catalogue.parquet; ReleaseError unless its rows are the items of the vocabulary, in its order."""
        catalogue = cls(bundle.read_table(path))
        if catalogue.items != items:
            raise ReleaseError(f"{path}: its items are not the recommender's; assemble the release again.")
        return catalogue

    def allowed(self, filters: Filters) -> np.ndarray | None:
        """bool (n_items,), true where an item passes all filters; None where nothing is restricted."""
        if not filters.any:
            return None
        mask = np.ones(len(self.items), dtype=bool)
        if filters.categories is not None:
            mask[:] = False
            for name in filters.categories:
                mask[self._rows_of.get(name.casefold(), [])] = True
        # A missing price is NaN, which is on no side of a bound.
        if filters.min_price is not None:
            mask &= self.price >= filters.min_price
        if filters.max_price is not None:
            mask &= self.price <= filters.max_price
        return mask

    def describe(self, item: int) -> dict[str, str | float | None]:
        """Title, department, category, brand and price of one item; None where unknown."""
        price = float(self.price[item])
        return {name: column[item] for name, column in self.words.items()} | {
            PRICE: None if np.isnan(price) else round(price, 2)
        }


def catalogue_table(items_file: Path, history_file: Path, items: Vocabulary, popularity: np.ndarray) -> pa.Table:
    """The catalogue of a vocabulary's items, in its order.

    items_file    canonical items
    history_file  canonical interactions before the cut-off
    popularity    float (n_items,)
    """
    from components.data.engine import connect

    con = connect()
    history = con.read_parquet(history_file)
    unit_price = history[schema.VALUE] / history[schema.QUANTITY].nullif(0)
    paid = history.filter(history[schema.VALUE] > 0).group_by(schema.ITEM_ID).agg(**{PRICE: unit_price.median()})
    items_table = con.read_parquet(items_file)
    numbers = [schema.STOCK] if schema.STOCK in items_table.columns else []
    words = items_table.select(schema.ITEM_ID, *WORDS, *numbers)
    known = {row[schema.ITEM_ID]: row for row in words.to_pyarrow().to_pylist()}
    prices = {row[schema.ITEM_ID]: row[PRICE] for row in paid.to_pyarrow().to_pylist()}
    ids = items.ids.tolist()
    columns = {schema.ITEM_ID: pa.array(ids, pa.string())}
    columns |= {name: pa.array([known.get(i, {}).get(name) for i in ids], pa.string()) for name in WORDS}
    columns[PRICE] = pa.array([prices.get(i) for i in ids], pa.float64())
    columns[POPULARITY] = pa.array(popularity.astype(np.float64))
    stock = pa.array([known.get(i, {}).get(schema.STOCK) for i in ids], pa.float64())
    if stock.null_count < len(stock):  # a shop that tells no stock has no such column
        columns[schema.STOCK] = stock
    return pa.table(columns)
