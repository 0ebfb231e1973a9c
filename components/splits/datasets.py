"""From a fold's tables to the indexed datasets: what models are fitted on, and the histories that are asked about."""

from __future__ import annotations

from calendar import timegm
from typing import TYPE_CHECKING

from components.core import schema
from components.core.dataset import Dataset
from components.core.errors import DataError
from components.core.vocabulary import Vocabulary
from components.data import engine
from components.data.engine import unix_seconds
from components.splits.density import PAIR, active, dense

if TYPE_CHECKING:
    from ibis import Table

    from components.splits.splitter import Fold, SplitConfig

USER, ITEM, AT = "user", "item", "at"  # an event as numbers: both indices, and unix seconds


def fitted_on(fold: Fold, config: SplitConfig) -> Dataset:
    """The dense part of the fold's history, indexed; DataError if nothing is left.

    The items are those of the history and, where the fold says so, others with few events or none.
    """
    with engine.holding(fold.history.select(*PAIR).distinct()) as pairs:
        users, items = (_vocabulary(ids) for ids in dense(pairs, config))
    if not len(users):
        raise DataError(
            f"split: fold {fold.name}: no item has {config.min_users_per_item} users with {config.min_items_per_user} "
            f"items before {fold.now:%Y-%m-%d}; lower split.min_users_per_item or split.min_items_per_user."
        )
    for more in (fold.listed, fold.shelf):
        if more is not None:
            items = Vocabulary.fit([*items.ids.tolist(), *_vocabulary(more).ids.tolist()])
    return _indexed(fold.history, users, items, fold)


def asked_about(fold: Fold, data: Dataset, config: SplitConfig) -> Dataset | None:
    """The histories of users who are not fitted on, over the catalogue of `data`; None where the fold has none.

    A user with too few catalogue items is left out, as from `data`.
    """
    if fold.asked is None:
        return None
    in_catalogue = fold.asked.semi_join(codes(data.items, schema.ITEM_ID, ITEM), schema.ITEM_ID)
    kept = active(in_catalogue, config)
    return _indexed(kept, _vocabulary(kept.select(schema.USER_ID)), data.items, fold)


def _indexed(events: Table, users: Vocabulary, items: Vocabulary, fold: Fold) -> Dataset:
    """The events that have both their ids in the vocabularies, as a dataset.

    The engine looks the ids up and sorts, so that no text of an event comes to Python and nothing is held twice.
    """
    coded = events.inner_join(codes(users, schema.USER_ID, USER), schema.USER_ID)
    coded = coded.inner_join(codes(items, schema.ITEM_ID, ITEM), schema.ITEM_ID)
    columns = coded.select(USER, ITEM, **{AT: unix_seconds(coded[schema.TIMESTAMP])}).order_by(USER, AT, ITEM)
    found = columns.to_pyarrow()
    numbers = []
    for name in (USER, ITEM, AT):  # one after the other, so that only one is held twice
        numbers.append(found[name].to_numpy())
        found = found.drop_columns(name)
    return Dataset.in_order(users, items, *numbers, timegm(fold.now.timetuple()))


def _vocabulary(ids: Table) -> Vocabulary:
    """Vocabulary of a table's only column."""
    (name,) = ids.columns
    return Vocabulary.fit(ids.distinct().to_pyarrow()[name].to_pylist())


def codes(vocabulary: Vocabulary, key: str, name: str) -> Table:
    """A table of ids and their indices."""
    import ibis
    import pyarrow as pa

    ids = pa.array(vocabulary.ids.tolist(), pa.string())
    return ibis.memtable(pa.table({key: ids, name: pa.array(range(len(vocabulary)), pa.int32())}))
