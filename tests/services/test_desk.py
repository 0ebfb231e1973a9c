"""The desk's clock: an event of today does not make a shop of the past fade."""

import shutil
import time

import pytest

from components.release.assemble import assemble
from services.desk import DAY_S, Desk
from services.messages import Event, EventsRequest
from services.release_cache import serving
from services.settings import Settings
from services.state import State


@pytest.fixture(scope="module")
def now(trained_shop, tmp_path_factory):
    root = shutil.copytree(trained_shop, tmp_path_factory.mktemp("desk") / "shop")
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
