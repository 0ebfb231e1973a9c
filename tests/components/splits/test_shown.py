"""What a fold knows of what was shown: only what had happened by its cut-off, clicks too."""

from dataclasses import replace
from datetime import UTC, datetime

import ibis
import numpy as np
import pytest

from components.core import schema
from components.core.dataset import Dataset
from components.core.errors import DataError
from components.core.exposures import NOBODY, Exposures
from components.core.vocabulary import Vocabulary
from components.data.engine import EngineConfig
from components.splits import store
from components.splits.shown import Shown, exposures_of

DAY = 86_400


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Ann, who bought x and y; the cut-off is after ten days. Three requests: r1 and r2 before it, r3 after it."""
    con = EngineConfig().open()
    log = [
        ("r2", "ann", "y", 1, 0.25, 9 * DAY),
        ("r1", None, "x", 1, 0.5, 8 * DAY),
        ("r1", None, "gone", 2, 0.5, 8 * DAY),
        ("r3", "ann", "x", 1, 0.5, 10 * DAY),
    ]
    names = (schema.REQUEST_ID, schema.USER_ID, schema.ITEM_ID, schema.POSITION, schema.PROPENSITY, schema.TIMESTAMP)
    columns = {name: [*values] for name, values in zip(names, zip(*log, strict=True), strict=True)}
    columns[schema.TIMESTAMP] = [at(t) for t in columns[schema.TIMESTAMP]]
    happened = [("r1", "x", "click", 8 * DAY + 5), ("r2", "y", "click", 10 * DAY + 5), ("r2", "y", "purchase", 9 * DAY)]
    events = {
        schema.REQUEST_ID: [r for r, *_ in happened],
        schema.ITEM_ID: [i for _, i, *_ in happened],
        schema.EVENT_TYPE: [kind for *_, kind, _ in happened],
        schema.TIMESTAMP: [at(t) for *_, t in happened],
    }
    tables = (con.create_table(name, ibis.memtable(values)) for name, values in (("log", columns), ("events", events)))
    ids = (Vocabulary.fit(np.array(["ann"])), Vocabulary.fit(np.array(["x", "y"])))
    bought = np.zeros(2, np.int64), np.array([0, 1]), np.array([DAY, 2 * DAY])
    data = Dataset.indexed(*ids, *bought, 10 * DAY)
    return replace(data, exposures=exposures_of(Shown(*tables), data))


def test_what_was_shown_after_the_cut_off_or_is_in_no_catalogue_is_left_out(dataset: Dataset) -> None:
    shown = dataset.exposures
    assert dataset.items.ids[shown.items].tolist() == ["x", "y"]
    assert shown.times.tolist() == [8 * DAY, 9 * DAY]
    assert shown.propensity.tolist() == [0.5, 0.25]


def test_a_click_after_the_cut_off_is_not_known_and_a_purchase_is_no_click(dataset: Dataset) -> None:
    assert dataset.exposures.clicked.tolist() == [True, False]


def test_a_visitor_who_has_no_name_is_nobody(dataset: Dataset) -> None:
    assert dataset.exposures.rows.tolist() == [NOBODY, 0]


def test_a_dataset_keeps_what_was_shown_on_disk(dataset: Dataset, tmp_path) -> None:
    store.save_dataset(tmp_path / "data", dataset)
    again = store.load_dataset(tmp_path / "data").exposures
    for name in ("rows", "items", "positions", "propensity", "clicked", "times"):
        np.testing.assert_array_equal(getattr(again, name), getattr(dataset.exposures, name))


def test_a_propensity_of_nought_is_refused() -> None:
    one = np.ones(1, np.int64)
    with pytest.raises(DataError, match="a propensity is not above 0"):
        Exposures(one, one, one, np.zeros(1), one > 0, one)
