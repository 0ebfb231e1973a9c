"""shoploop state prune: what is older goes, what is younger stays, and the table says how much."""

import time

from click.testing import CliRunner

from components.commands.state import state
from components.core import layout
from components.online.sqlite_store import SqliteStore
from components.online.store import Exposure, Told


def test_what_is_older_than_so_many_days_goes(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOPLOOP_STATE", str(tmp_path))
    monkeypatch.delenv("SHOPLOOP_STATE_URL", raising=False)
    store, now = SqliteStore(tmp_path / layout.SERVICE_DATABASE), time.time()
    store.prepare()
    for name, days in (("old", 31), ("new", 29)):
        at = now - days * 86_400
        store.add_events([Told(name, "ann", name, "purchase", 100, None, 1, None, at)])
        store.add_exposure(Exposure(f"r-{name}", "ann", ["tea", "milk"], [2.0, 1.0], "d", None, None, at))
    done = CliRunner().invoke(state, ["prune", "--older-than", "30"])
    assert done.exit_code == 0, done.output
    assert [line.split("│")[1:3] for line in done.output.splitlines() if "│" in line] == [
        [" events    ", "            1 "], [" exposures ", "            2 "]
    ]  # fmt: skip
    assert store.events_of("ann", ["purchase"], 0, 10) == (("new", 100),)
    assert store.answer("r-old") == []
    assert CliRunner().invoke(state, ["prune", "--older-than", "0"]).exit_code == 2
