"""The guard: looks for what is to be foretold in what is known, whatever method made the folds.

It trusts no splitter: it reads the folds' own rows, and what it cannot excuse stops the split step. Every promise of
a `Fold` (splits/splitter.py) has its check here; what a method leaks by declaration (the future of other users, the
rest of a basket) is not among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from components.core import schema
from components.core.errors import LeakError
from components.data.engine import unix_seconds
from components.splits.datasets import codes

if TYPE_CHECKING:
    from ibis import Table

    from components.core.dataset import Dataset
    from components.core.vocabulary import Vocabulary
    from components.splits.splitter import Fold

EVENT = (schema.USER_ID, schema.ITEM_ID, schema.TIMESTAMP)


def check_folds(folds: list[Fold]) -> None:
    """LeakError, naming all leaks, unless every fold keeps its promises and no fold knows a later one's target."""
    found = [leak for fold in folds for leak in leaks(fold)]
    for at, fold in enumerate(folds):
        found += [leak for later in folds[at + 1 :] for leak in _leaks_between(fold, later)]
    _stop(found)


def check_dataset(fold: Fold, data: Dataset) -> None:
    """LeakError unless vocabularies and events come from the fold's history and the items it lists."""
    _stop(list(_dataset_leaks(fold, data)))


def leaks(fold: Fold) -> Iterator[str]:
    """What the fold knows that it must not, in sentences; nothing where it is sound."""
    known = fold.history if fold.asked is None else fold.history.union(fold.asked)
    counts = {
        "event(s) of the target are in the history of their own user": known.semi_join(fold.target, EVENT),
        f"event(s) of the history happen at or after the moment of asking, {fold.now}": _from(known, fold.now),
    }
    if fold.cutoff is not None:
        counts[f"event(s) of the history happen at or after the cut-off {fold.cutoff}"] = _from(known, fold.cutoff)
        early = fold.target.filter(fold.target[schema.TIMESTAMP] < fold.cutoff)
        counts[f"event(s) of the target happen before the cut-off {fold.cutoff}"] = early
    else:
        counts["event(s) of a history happen after what their own user is asked about"] = _after_own_target(known, fold)
    if fold.asked is not None:
        counts["event(s) of users held out of fitting are in the history"] = fold.history.semi_join(
            fold.target.select(schema.USER_ID).union(fold.asked.select(schema.USER_ID)), schema.USER_ID
        )
    if fold.listed is not None:
        counts["event(s) of items held out of fitting are in the history"] = known.semi_join(
            fold.target, schema.ITEM_ID
        )
    yield from (f"{fold.name}: {n:,} {words}" for words, n in _counted(counts) if n)


def _leaks_between(fold: Fold, later: Fold) -> Iterator[str]:
    """A later fold's target must be unknown to an earlier one, and not its target either."""
    parts = {"history": fold.history, "target": fold.target}
    parts |= {} if fold.asked is None else {"histories asked about": fold.asked}
    counts = {
        f"event(s) of {later.name}'s target are in its {words}": part.semi_join(later.target, EVENT)
        for words, part in parts.items()
    }
    yield from (f"{fold.name}: {n:,} {words}" for words, n in _counted(counts) if n)


def _dataset_leaks(fold: Fold, data: Dataset) -> Iterator[str]:
    items = fold.history.select(schema.ITEM_ID)
    for more in (fold.listed, fold.shelf):
        items = items if more is None else items.union(more.select(schema.ITEM_ID))
    sources = {schema.USER_ID: fold.history.select(schema.USER_ID), schema.ITEM_ID: items}
    for (key, source), vocabulary in zip(sources.items(), (data.users, data.items), strict=True):
        foreign = codes(vocabulary, key, "code").anti_join(source, key).count().execute()
        if foreign:
            yield f"{fold.name}: {foreign:,} {key}(s) of the vocabulary are not in the history"
    # What remains of the history in both vocabularies is, event for event, what the dataset must hold.
    events, seconds = _sums(fold.history, data.users, data.items)
    if (events, seconds) != (len(data.histories.times), int(data.histories.times.sum())):
        yield f"{fold.name}: the dataset's {len(data.histories.times):,} events are not the history's {events:,}"


def _sums(history: Table, users: Vocabulary, items: Vocabulary) -> tuple[int, int]:
    kept = history.semi_join(codes(users, schema.USER_ID, "code"), schema.USER_ID)
    kept = kept.semi_join(codes(items, schema.ITEM_ID, "code"), schema.ITEM_ID)
    (row,) = kept.agg(n=kept.count(), s=unix_seconds(kept[schema.TIMESTAMP]).sum()).to_pyarrow().to_pylist()
    return row["n"], int(row["s"] or 0)


def _from(events: Table, moment) -> Table:
    return events.filter(events[schema.TIMESTAMP] >= moment)


def _after_own_target(known: Table, fold: Fold) -> Table:
    first = fold.target.group_by(schema.USER_ID).agg(first_target=fold.target[schema.TIMESTAMP].min())
    joined = known.inner_join(first, schema.USER_ID)
    return joined.filter(joined[schema.TIMESTAMP] > joined.first_target)


def _counted(tables: dict[str, Table]) -> Iterator[tuple[str, int]]:
    for words, table in tables.items():
        yield words, int(table.count().execute())


def _stop(found: list[str]) -> None:
    if found:
        raise LeakError(
            f"split: leaks found, nothing is written: {'; '.join(found)}. The split method is broken, or an event "
            "comes twice at one time; see components/splits/guard.py."
        )
