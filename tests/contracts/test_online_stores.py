"""One contract for the online stores: SQLite, PostgreSQL and Redis, the servers being real ones of the test's own."""

import socket
import threading
import time
from dataclasses import replace

import pytest

from components.core import schema
from components.core.errors import ConfigError, DataError, SilentStoreError, StateError
from components.online import postgres_store, sqlite_store
from components.online.address import open_store
from components.online.sqlite_store import SqliteStore
from components.online.store import Exposure, Told
from tests import frozen, postgres, redis_server
from tests.postgres import free_port

SERVERS = {
    "postgres": pytest.param("postgres", marks=pytest.mark.skipif(not postgres.SERVERS, reason=postgres.MISSING)),
    "redis": pytest.param("redis", marks=pytest.mark.skipif(not redis_server.BINARY, reason=redis_server.MISSING)),
}
EVENT = Told("e", "ann", "tea", "purchase", 100, 1.5, 2, None, 0.0)
STRANGE = (
    "a'; drop table events; --", "%s", "%(a)s", "$1", "*", "ann*", "shoploop:x:y", "日本", "../../etc/passwd", "\\000",
    '"', "null", " ann", "ann ", "ANN", "e\u0301", "\u0085", "\u2028", "\u202egpj", "\ufffe", "\U0010ffff", "😀" * 128,
)  # fmt: skip
SHOWN = Exposure("r1", "ann", ["tea", "milk"], [0.9, 0.25], "digest", "demo", "control", 7.5)


@pytest.fixture(scope="module")
def urls():
    """A server is started when the first test asks for it."""
    running, urls = [], {}

    def url(kind):
        if kind == "sqlite":
            return None
        if kind not in urls:
            running.append((postgres if kind == "postgres" else redis_server).server())
            urls[kind] = running[-1].__enter__()
        return urls[kind]

    yield url
    for server in running:
        server.__exit__(None, None, None)


@pytest.fixture(params=["sqlite", *SERVERS.values()])
def again(request, urls, tmp_path):
    """Opens the same, empty store as often as it is called: as many workers as a test wants."""
    url = urls(request.param)
    empty(request.param, url)
    opened = []

    def open_again():
        opened.append(open_store(tmp_path, url))
        opened[-1].prepare()
        return opened[-1]

    yield open_again
    for store in opened:
        store.close()


def empty(kind, url):
    if kind == "postgres":
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("drop schema if exists shoploop cascade")
    if kind == "redis":
        import redis

        redis.Redis.from_url(url).flushdb()


@pytest.fixture
def store(again):
    return again()


def events(*names, **changes):
    return [replace(EVENT, event_id=f"e-{name}", item_id=name, **changes) for name in names]


def test_events_of_one_second_come_back_in_the_order_told_and_older_ones_first(store):
    store.add_events(events("z", "a", "m"))
    store.add_events(events("b"))
    store.add_events(events("old", timestamp=50))
    found = store.events_of("ann", ["purchase"], 0, 10)
    assert found == (("old", 50), ("z", 100), ("a", 100), ("m", 100), ("b", 100))


def test_only_the_newest_of_a_type_since_a_time_are_told(store):
    store.add_events([*events("early", timestamp=99), *events("a", "b", "c"), *events("seen", event_type="view")])
    assert store.events_of("ann", ["purchase"], 100, 2) == (("b", 100), ("c", 100))
    assert store.events_of("ann", ["view"], 0, 10) == (("seen", 100),)
    assert store.events_of("bob", ["purchase"], 0, 10) == ()


def test_events_of_several_types_come_back_as_one_history(store):
    store.add_events([*events("a", event_type="view"), *events("b"), *events("c", event_type="view")])
    store.add_events([*events("later", event_type="cart", timestamp=101), *events("early", timestamp=99)])
    both = (("a", 100), ("b", 100), ("c", 100))
    assert store.events_of("ann", ["purchase", "view"], 100, 10) == both
    assert store.events_of("ann", ["view", "purchase", "cart"], 0, 3) == (*both[1:], ("later", 101))
    assert store.events_of("ann", ["rating"], 0, 10) == ()


def test_an_event_id_counts_once_and_the_first_event_of_it_stays(store):
    first = events("z")
    assert store.add_events([*first, *events("a"), *first]) == 2
    assert store.add_events([replace(first[0], item_id="other", user_id="bob")]) == 0
    assert [item for item, _ in store.events_of("ann", ["purchase"], 0, 10)] == ["z", "a"]
    assert store.events_of("bob", ["purchase"], 0, 10) == ()


def test_what_one_worker_stores_the_next_read_of_another_sees(again):
    one, other = again(), again()
    one.add_events(events("tea"))
    assert other.events_of("ann", ["purchase"], 0, 10) == (("tea", 100),)


def test_workers_that_send_the_same_events_at_once_store_each_one_once(again):
    """In two orders: the second of two that wait for each other in a circle would be turned away."""
    stores = [again() for _ in range(4)]
    batch = events(*(f"i{n}" for n in range(200)))
    added = []

    def send(store, batch):
        added.append(store.add_events(batch))
        store.close()

    threads = [threading.Thread(target=send, args=(store, batch[:: (-1) ** n])) for n, store in enumerate(stores * 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(added) == 12
    assert sum(added) == 200
    assert len(stores[0].events_of("ann", ["purchase"], 0, 1000)) == 200


def test_an_answer_is_logged_as_it_was_shown(store):
    store.add_exposure(SHOWN)
    store.add_exposure(replace(SHOWN, request_id="r0"))
    store.add_exposure(replace(SHOWN, request_id="r2", user_id=None, experiment=None, variant=None))
    rows = store.answer("r1")
    assert dict(zip(schema.EXPOSURES, rows[1], strict=True)) == {
        "request_id": "r1", "user_id": "ann", "item_id": "milk", "position": 2, "score": 0.25, "propensity": 1.0,
        "release": "digest", "experiment": "demo", "variant": "control", "timestamp": 7.5,
    }  # fmt: skip
    assert [(row[0], row[3]) for row in store.exposures_of("demo")] == [("r0", 1), ("r0", 2), ("r1", 1), ("r1", 2)]
    assert store.answer("r2")[0][1] is None
    assert store.answer("nothing") == []


def test_a_person_is_forgotten_and_the_others_stay(store):
    for name in ("ann", "bob"):
        store.add_events(events(f"{name}-1", f"{name}-2", user_id=name))
        store.add_events(events(f"{name}-3", user_id=name, event_type="view"))
        store.add_exposure(replace(SHOWN, request_id=f"r-{name}", user_id=name))
    assert store.rows_of_user(["ann", "not there"]) == {"events": 3, "exposures": 2}
    store.forget_user(["ann", "not there"])
    assert store.rows_of_user(["ann"]) == {"events": 0, "exposures": 0}
    assert store.rows_of_user(["bob"]) == {"events": 3, "exposures": 2}
    assert [row[0] for row in store.exposures_of("demo")] == ["r-bob", "r-bob"]
    assert store.add_events(events("ann-1")) == 1  # its idempotency key went with it


def test_what_is_older_than_a_time_is_pruned_and_the_rest_stays(store):
    store.add_events([*events("old", received_at=99.0), *events("new", received_at=100.0)])
    for name, at in (("r-old", 99.0), ("r-new", 100.0)):
        store.add_exposure(replace(SHOWN, request_id=name, time=at))
    assert store.prune(100.0) == {"events": 1, "exposures": 2}
    assert store.prune(100.0) == {"events": 0, "exposures": 0}
    assert store.events_of("ann", ["purchase"], 0, 10) == (("new", 100),)
    assert [row[0] for row in store.exposures_of("demo")] == ["r-new", "r-new"]
    assert store.rows_of_user(["ann"]) == {"events": 1, "exposures": 2}
    assert store.add_events(events("old")) == 1  # its idempotency key went with it


def test_pruning_in_many_pieces_leaves_nothing_out(store, monkeypatch):
    for module in (sqlite_store, postgres_store):
        monkeypatch.setattr(module, "PIECE", 7)
    told = [replace(EVENT, event_id=f"e{n}", item_id=f"i{n}", received_at=float(n * 37 % 100)) for n in range(100)]
    store.add_events(told)
    for n in range(100):
        store.add_exposure(replace(SHOWN, request_id=f"r{n * 61 % 100:02}", time=float(n)))
    assert store.prune(60.0) == {"events": 60, "exposures": 120}
    assert store.rows_of_user(["ann"]) == {"events": 40, "exposures": 80}
    assert {item for item, _ in store.events_of("ann", ["purchase"], 0, 100)} == {
        event.item_id for event in told if event.received_at >= 60
    }
    assert {row[9] for row in store.exposures_of("demo")} == {float(n) for n in range(60, 100)}
    assert store.prune(1000.0) == {"events": 40, "exposures": 80}


def test_strange_ids_are_only_names(store):
    for name in STRANGE:
        store.add_events([replace(EVENT, event_id=name, user_id=name, item_id=name)])
        store.add_exposure(replace(SHOWN, request_id=name, user_id=name))
        assert store.events_of(name, ["purchase"], 0, 10) == ((name, 100),)
        assert store.answer(name)[0][1] == name
    store.forget_user(["*", "ann", "%"])
    assert store.rows_of_user(["*"]) == {"events": 0, "exposures": 0}
    assert store.rows_of_user([name for name in STRANGE if name != "*"])["events"] == len(STRANGE) - 1


def test_pruning_looks_through_no_whole_table_while_others_wait(tmp_path):
    store, asked = SqliteStore(tmp_path / "store.db"), []
    store.prepare()
    store.add_events([replace(EVENT, event_id=f"e{n}") for n in range(50)])
    store.add_exposure(SHOWN)
    store._local.connection.set_trace_callback(asked.append)
    store.prune(1000.0)
    deletes = [statement for statement in asked if statement.startswith("delete")]
    assert len(deletes) == 2
    plans = [row[3] for asked in deletes for row in store._select(f"explain query plan {asked}", ())]
    assert [plan for plan in plans if "SCAN" in plan] == []
    assert len(plans) == 2


@pytest.mark.skipif(not postgres.SERVERS, reason=postgres.MISSING)
def test_postgresql_has_an_index_for_every_piece(urls, tmp_path):
    store = open_store(tmp_path, urls("postgres"))
    store.prepare()
    store._call(lambda connection: connection.execute("set enable_seqscan = off"))  # few rows are scanned else
    for statement, values in (
        (postgres_store.LAST_EVENT, (0, 10)),
        (postgres_store.PRUNE_EVENTS, (0, 10, 1.0)),
        (postgres_store.PRUNE_EXPOSURES, (1.0, 10)),
    ):
        plan = "\n".join(row[0] for row in store._select(f"explain {statement}", values))
        assert "Seq Scan" not in plan
    store.close()


@pytest.mark.skipif(not postgres.SERVERS, reason=postgres.MISSING)
@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_keep_every_id_is_refused_with_what_to_do(encoding, urls, tmp_path):
    import psycopg

    name = f"shop_{encoding.lower()}"
    with psycopg.connect(urls("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} encoding '{encoding}' locale 'C' template template0")
    store = open_store(tmp_path, urls("postgres").replace("/postgres", f"/{name}"))
    with pytest.raises(ConfigError, match=f"it keeps text as {encoding}; make it with `encoding 'UTF8'"):
        store.prepare()
    store.close()


@pytest.mark.parametrize("kind", SERVERS.values())
def test_a_server_that_falls_silent_is_waited_for_so_long_and_no_longer(kind, urls, tmp_path):
    empty(kind, urls(kind))
    with frozen.way(urls(kind)) as (url, way):
        store = open_store(tmp_path, url)
        store.prepare()
        store.add_events(events("tea"))
        way.freeze()
        took = [seconds_until_silence(lambda: store.events_of("ann", ["purchase"], 0, 10)),
                seconds_until_silence(lambda: store.add_exposure(SHOWN))]  # fmt: skip
        assert max(took) < 6, "BentoML's limit is ten, and ours is eight"
        way.thaw()
        assert store.events_of("ann", ["purchase"], 0, 10) == (("tea", 100),)
        store.close()


@pytest.mark.parametrize("scheme", ["postgresql", "redis"])
def test_a_server_that_takes_a_connection_and_says_nothing_is_waited_for_once(scheme, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        store = open_store(tmp_path, f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/0")
        assert seconds_until_silence(lambda: store.events_of("ann", ["purchase"], 0, 10)) < 4


def seconds_until_silence(ask):
    """In a thread that is left where it waits for ever."""
    began, ended = time.monotonic(), threading.Event()

    def asking():
        with pytest.raises(SilentStoreError):
            ask()
        ended.set()

    threading.Thread(target=asking, daemon=True).start()
    assert ended.wait(30), "it waits"
    return time.monotonic() - began


@pytest.mark.parametrize("scheme", ["postgresql", "redis"])
def test_a_server_that_is_not_there_is_named_without_its_password(scheme, tmp_path):
    store = open_store(tmp_path, f"{scheme}://shop:secret@127.0.0.1:{free_port()}/0")
    with pytest.raises(ConfigError, match=rf"{scheme}://127.0.0.1:\d+/0.*SHOPLOOP_STATE_URL") as found:
        store.prepare()
    with pytest.raises(StateError):
        store.add_events(events("tea"))
    with pytest.raises(DataError):
        store.forget_user(["ann"])
    assert "secret" not in str(found.value)


@pytest.mark.parametrize("url", ["mysql://shop:secret@h/db", "postgresql://[::secret", "secret"])
def test_another_kind_of_store_is_refused_without_repeating_the_url(url, tmp_path):
    with pytest.raises(ConfigError, match="SHOPLOOP_STATE_URL") as found:
        open_store(tmp_path, url)
    assert "secret@" not in str(found.value)


@pytest.mark.skipif(not redis_server.BINARY, reason=redis_server.MISSING)
def test_bytes_in_redis_that_are_no_record_of_ours_are_an_error_of_the_store(urls, tmp_path):
    import redis

    store = open_store(tmp_path, urls("redis"))
    store.prepare()
    store.add_events(events("tea"))
    raw = redis.Redis.from_url(urls("redis"))
    (key,) = raw.keys("*events:purchase:ann")
    for record in (b"\x80\x04\x95\x0b\x00", b"0" * 40 + b"cos\nsystem\n", b"0" * 40 + b"[1]"):
        raw.delete(key)
        raw.zadd(key, {record: 100})
        with pytest.raises(StateError):
            store.events_of("ann", ["purchase"], 0, 10)
