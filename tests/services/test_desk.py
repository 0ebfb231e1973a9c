"""The desk's clock and which events count: as in the histories that the release's models were fitted on."""

import shutil
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.core import layout, schema
from components.core.dataset import Histories
from components.release.assemble import assemble
from components.splits import store
from services.desk import DAY_S, Desk
from services.messages import Event, EventsRequest, RecommendRequest
from services.release_cache import serving
from services.settings import Settings
from services.state import State


@pytest.fixture(scope="module")
def now(trained_shop, tmp_path_factory):
    root = shutil.copytree(trained_shop, tmp_path_factory.mktemp("desk") / "shop")
    return serving(assemble(root, "shop", {}), None)


@pytest.fixture(scope="module")
def browsing(trained_shop, tmp_path_factory):
    """A release whose histories are views and purchases."""
    root = shutil.copytree(trained_shop, tmp_path_factory.mktemp("browsing") / "shop")
    path = root / layout.SPLIT / layout.TEST_FOLD / store.HISTORY
    table = pq.read_table(path)
    at = table.schema.get_field_index(schema.EVENT_TYPE)
    kinds = pa.array(np.where(np.arange(len(table)) % 2, "view", "purchase"))
    pq.write_table(table.set_column(at, schema.EVENT_TYPE, kinds), path)
    return serving(assemble(root, "shop", {}), None)


def told(settings, now, *events):
    """The times, as days after the cut-off, and the items of what a desk knows of user u00 after these events."""
    desk = Desk(settings, State(settings.state))
    desk.check(now.release)
    batch = [Event(event_id=str(n), user_id="u00", item_id=item, timestamp=at) for n, (item, at) in enumerate(events)]
    desk.events(EventsRequest(events=batch), now)
    known = desk._events("u00", now.release)
    return [(event.item_id, (event.time - now.release.known.now) / DAY_S) for event in known]


def test_under_the_release_clock_later_events_count_as_at_the_horizon_in_their_order(now, tmp_path):
    today, cutoff = int(time.time()), now.release.known.now
    events = (("i05", cutoff + DAY_S), ("i09", today - 60), ("i02", today))
    settings = Settings(state=tmp_path, horizon_days=60)
    assert told(settings, now, *events) == [("i05", 1), ("i09", 60), ("i02", 60)]


def test_under_the_wall_clock_time_is_as_told(now, tmp_path):
    today, cutoff = int(time.time()), now.release.known.now
    found = told(Settings(state=tmp_path, clock="wall"), now, ("i05", today))
    assert found == [("i05", (today - cutoff) / DAY_S)]


def after(now, folder, *kinds):
    """What a newcomer is recommended after one event of each kind, each on another item, and what the desk said."""
    desk = Desk(Settings(state=folder), State(folder))
    desk.check(now.release)
    items = ("i05", "i09", "i02")
    batch = [
        Event(event_id=kind, user_id="newcomer", item_id=item, event_type=kind, timestamp=now.release.known.now + n)
        for n, (kind, item) in enumerate(zip(kinds, items, strict=False))
    ]
    said = desk.events(EventsRequest(events=batch), now)
    return desk.recommend(RecommendRequest(user_id="newcomer"), now), said


def test_a_view_changes_the_next_answer_where_histories_hold_views_as_it_does_offline(browsing, tmp_path):
    assert browsing.release.history_events == ("view", "purchase")
    answer, said = after(browsing, tmp_path, "view")
    known, at = browsing.release.hybrid.items, browsing.release.known.now
    past = Histories.of([[known.index("i05")]], [[at]], at + 1)
    offline = known.decode(browsing.release.hybrid.lists(past, 10).items[0]).tolist()
    assert ([item.item_id for item in answer.items], answer.fallback) == (offline, None)
    assert (said.not_counted, said.note) == (0, None)


def test_events_of_types_that_histories_do_not_hold_change_nothing_and_the_sender_is_told(now, browsing, tmp_path):
    assert now.release.history_events == ("purchase",)
    answer, said = after(now, tmp_path / "bought", "view", "click")
    assert (answer.fallback, said.not_counted) == ("popular", 2)
    assert "only events of the types purchase change an answer" in said.note
    one, _ = after(browsing, tmp_path / "one", "view")
    other, said = after(browsing, tmp_path / "other", "view", "cart")
    assert [item.item_id for item in other.items] == [item.item_id for item in one.items]
    assert said.not_counted == 1
