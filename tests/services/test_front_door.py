"""The front door, without a release behind it: keys, scopes, rates, names, pages, the queue, figures, log lines."""

import asyncio
import json
import logging
import threading

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from components.core.api_keys import KEYS_FILE, add_key, key_id, revoke_key
from components.core.errors import ConfigError
from services import json_log
from services.access import Bucket, check_keys
from services.admission import Admission
from services.counter import Counter
from services.figures import exposition, figures
from services.front_door import FrontDoor
from services.origins import Origins
from services.refused import RefusedError
from services.request_guard import RequestGuard
from services.request_record import record
from services.settings import Settings

JSON = {"Content-Type": "application/json"}
NOW = "2026-01-01T00:00:00Z"


async def work(_):
    await asyncio.sleep(0.05)
    return JSONResponse({"request_id": record().request_id})


PAGES = [
    Route(path, work, methods=["GET", "POST"])
    for path in ("/recommend", "/events", "/suggest", "/metrics", "/livez", "/new")
]


def door(tmp_path, **settings):
    settings = Settings(state=tmp_path, **settings)
    return FrontDoor(
        RequestGuard(Starlette(routes=PAGES), 1000, 0.3, Admission(settings.queue), settings.bodies), settings
    )


def ask(app, *requests, address="http://localhost:3000"):
    """Answers to requests (method, path, headers) sent at once."""

    async def all_at_once():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=address) as client:
            sent = [client.request(method, path, json=None if method == "GET" else {"user_id": "u"}, headers=headers)
                    for method, path, headers in requests]  # fmt: skip
            return await asyncio.gather(*sent)

    return asyncio.run(all_at_once())


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def statuses(answers):
    return [answer.status_code for answer in answers]


def test_on_loopback_no_key_is_asked_for_unless_one_is_shown(tmp_path):
    asked = [("POST", "/recommend", {}), ("POST", "/recommend", bearer("shoploop_wrong"))]
    assert statuses(ask(door(tmp_path), *asked)) == [200, 401]


def test_a_service_beyond_loopback_asks_for_a_key_and_so_does_a_connection_from_there(tmp_path):
    assert statuses(ask(door(tmp_path, host="0.0.0.0"), ("POST", "/recommend", {}))) == [401]
    asked = ("POST", "/recommend", {"Host": "localhost"})
    assert statuses(ask(door(tmp_path), asked, address="http://10.0.0.7:3000")) == [401]


def test_a_key_opens_its_scopes_and_the_probes_are_open(tmp_path):
    _, key = add_key(tmp_path / KEYS_FILE, "web", ("recommend",), NOW)
    asked = [("POST", "/recommend", bearer(key)), ("POST", "/events", bearer(key)), ("GET", "/metrics", bearer(key)),
             ("GET", "/new", bearer(key)), ("GET", "/livez", {}), ("GET", "/metrics", {})]  # fmt: skip
    answers = ask(door(tmp_path, keys="always"), *asked)
    assert statuses(answers) == [200, 403, 403, 403, 200, 401]
    assert answers[1].json() == {"error": "this key has no scope 'events'"}
    assert answers[5].headers["WWW-Authenticate"] == "Bearer"


def test_a_revoked_key_and_one_of_a_spoilt_file_open_nothing_and_the_log_says_why(tmp_path, caplog):
    path = tmp_path / KEYS_FILE
    _, key = add_key(path, "web", ("recommend",), NOW)
    app, ticks = door(tmp_path, keys="always"), iter(range(0, 1000, 10))
    app.access._clock = lambda: next(ticks)
    assert statuses(ask(app, ("POST", "/recommend", bearer(key)))) == [200]
    revoke_key(path, key_id(key), NOW)
    assert statuses(ask(app, ("POST", "/recommend", bearer(key)))) == [401]
    path.write_text("{")
    for _ in range(2):
        assert statuses(ask(app, ("POST", "/recommend", bearer(key)))) == [401]
    said = [record.getMessage() for record in caplog.records if record.name == "shoploop.access"]
    assert len(said) == 1
    assert "no key opens anything" in said[0]
    assert str(path) in said[0]


def test_a_key_that_comes_too_often_is_told_when_to_come_again_and_others_are_not_harmed(tmp_path):
    _, eager = add_key(tmp_path / KEYS_FILE, "eager", ("recommend",), NOW, rate=0.5, burst=2)
    _, calm = add_key(tmp_path / KEYS_FILE, "calm", ("recommend",), NOW)
    app = door(tmp_path, keys="always")
    answers = ask(app, *[("POST", "/recommend", bearer(eager))] * 4, ("POST", "/recommend", bearer(calm)))
    assert sorted(statuses(answers[:4])) == [200, 200, 429, 429]
    assert next(a for a in answers if a.status_code == 429).headers["Retry-After"] == "2"
    assert answers[4].status_code == 200


def test_a_bucket_fills_at_its_rate_and_no_further_than_its_burst():
    bucket = Bucket(rate=2, burst=3, tokens=3, at=0)
    assert [bucket.wait(0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert bucket.wait(0.5) == 0
    assert [bucket.wait(100) for _ in range(4)] == [0, 0, 0, 0.5]


def test_the_queue_refuses_what_does_not_fit_at_once_and_probes_never_wait(tmp_path):
    asked = [("POST", "/recommend", {})] * 5 + [("GET", "/livez", {})]
    answers = ask(door(tmp_path, queue=2), *asked)
    assert sorted(statuses(answers[:5])) == [200, 200, 429, 429, 429]
    assert answers[5].status_code == 200
    assert all(a.headers["Retry-After"] == "1" for a in answers if a.status_code == 429)
    assert statuses(ask(door(tmp_path, queue=2), *asked[:2])) == [200, 200]


@pytest.mark.parametrize(
    ("method", "path", "takes"),
    [("GET", "/recommend", "POST"), ("PUT", "/search", "POST"), ("DELETE", "/suggest", "GET, POST"),
     ("POST", "/metrics", "GET"), ("POST", "/livez", "GET"), ("TRACE", "/", "GET")],
)  # fmt: skip
def test_another_method_is_told_which_there_are(tmp_path, method, path, takes):
    (answer,) = ask(door(tmp_path), (method, path, {}))
    assert (answer.status_code, answer.headers["Allow"]) == (405, takes)
    assert answer.json() == {"error": f"{path} takes {takes} only"}


def test_a_body_that_is_packed_is_refused_and_not_taken_for_broken_json(tmp_path):
    packed, plain = ({"content-encoding": encoding} for encoding in ("gzip", "identity"))
    answers = ask(door(tmp_path), ("POST", "/recommend", packed), ("POST", "/recommend", plain))
    assert statuses(answers) == [415, 200]
    assert "without Content-Encoding" in answers[0].json()["error"]


def test_the_queue_counts_what_comes_by_get_too(tmp_path):
    answers = ask(door(tmp_path, queue=2), *[("GET", "/suggest?text=a", {})] * 3, ("GET", "/metrics", {}))
    assert sorted(statuses(answers[:3])) == [200, 200, 429]
    assert answers[3].status_code == 200


def body_in_two(pause_s):
    async def parts():
        yield b'{"user_id": '
        await asyncio.sleep(pause_s)
        yield b'"u"}'

    return parts()


def send_slowly(app, slow, pause_s, then):
    """Statuses of `slow` bodies that pause, and of `then` whole ones that come meanwhile."""

    async def all_of_them():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=JSON) as client:
            dawdling = [
                asyncio.create_task(client.post("/recommend", content=body_in_two(pause_s))) for _ in range(slow)
            ]
            await asyncio.sleep(0.05)
            honest = [(await client.post("/recommend", content=b'{"user_id": "u"}')).status_code for _ in range(then)]
            return statuses(await asyncio.gather(*dawdling)), honest

    return asyncio.run(all_of_them())


def test_bodies_under_way_take_no_place_in_the_queue(tmp_path):
    slow, honest = send_slowly(door(tmp_path, queue=2), slow=32, pause_s=1, then=3)
    assert (set(slow), honest) == ({408}, [200, 200, 200])
    slow, honest = send_slowly(door(tmp_path, queue=2), slow=2, pause_s=0.2, then=1)
    assert (slow, honest) == ([200, 200], [200])


def test_where_too_many_bodies_are_under_way_the_one_that_takes_longest_is_refused(tmp_path):
    slow, honest = send_slowly(door(tmp_path, bodies=4), slow=6, pause_s=0.2, then=2)
    assert (slow, honest) == ([408] * 3 + [200] * 3, [200, 200])


def test_the_gauge_of_the_queue_is_left_alone_by_the_admin_port(tmp_path):
    async def scrape_while_working():
        public, admin = door(tmp_path), FrontDoor(Starlette(routes=PAGES), Settings(state=tmp_path), admin=True)
        clients = [httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost", headers=JSON)
                   for app in (public, admin)]  # fmt: skip
        working = asyncio.create_task(clients[0].post("/recommend", content=b'{"user_id": "u"}'))
        await asyncio.sleep(0.02)
        await clients[1].get("/not/there")
        seen = figures().inside._value.get()
        await working
        return seen, figures().inside._value.get()

    assert asyncio.run(scrape_while_working()) == (1, 0)


PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}


def test_a_browser_is_told_that_an_allowed_page_may_ask_and_read(tmp_path):
    page = {"Origin": "https://shop.example"}
    app = door(tmp_path, origins=("https://shop.example",), keys="always")
    before, asked = ask(app, ("OPTIONS", "/recommend", page | PREFLIGHT), ("POST", "/recommend", page))
    assert (before.status_code, before.content) == (204, b"")
    assert before.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "POST" in before.headers["Access-Control-Allow-Methods"]
    assert "Content-Type" in before.headers["Access-Control-Allow-Headers"]
    assert asked.status_code == 401  # a preflight carries no key and opens nothing
    assert asked.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert asked.headers["Vary"] == "Origin"


def test_a_page_that_was_not_allowed_gets_no_word_of_cors(tmp_path):
    page = {"Origin": "https://evil.example"}
    asked = [("OPTIONS", "/recommend", page | PREFLIGHT), ("POST", "/recommend", page), ("POST", "/recommend", {})]
    answers = ask(door(tmp_path, origins=("https://shop.example",)), *asked)
    assert statuses(answers) == [403, 403, 200]
    assert not any("access-control-allow-origin" in answer.headers for answer in answers)


@pytest.mark.parametrize("host", ["localhost", "localhost:3000", "127.0.0.1:3000", "[::1]:3000", "LOCALHOST"])
def test_loopback_answers_to_its_names(host):
    Origins(Settings()).check(host, "")


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [("evil.example", "", 421), ("localhost.evil.example:3000", "", 421), ("", "", 421),
     ("localhost", "https://evil.example", 403), ("localhost", "null", 403)],
)  # fmt: skip
def test_other_names_and_pages_are_refused(host, origin, status):
    with pytest.raises(RefusedError) as found:
        Origins(Settings()).check(host, origin)
    assert found.value.status == status


def test_names_and_pages_that_are_allowed_may_call():
    Origins(Settings(hosts=("shop.example",), origins=("https://shop.example",))).check(
        "shop.example:8443", "https://shop.example"
    )


def test_a_service_that_wants_keys_and_has_none_does_not_start(tmp_path):
    with pytest.raises(ConfigError, match="shoploop keys add"):
        check_keys(Settings(state=tmp_path, host="0.0.0.0"))
    check_keys(Settings(state=tmp_path))


def test_with_an_admin_port_the_public_one_has_no_admin_routes(tmp_path):
    settings = Settings(state=tmp_path, admin_port=1)
    public, admin = (FrontDoor(Starlette(routes=PAGES), settings, admin=is_admin) for is_admin in (False, True))
    asked = [("GET", "/metrics", {}), ("POST", "/recommend", {})]
    assert statuses(ask(public, *asked)) == [404, 200]
    assert statuses(ask(admin, *asked)) == [200, 404]


def test_the_admin_port_answers_a_key_by_any_name_and_without_one_only_to_its_own(tmp_path):
    _, key = add_key(tmp_path / KEYS_FILE, "prometheus", ("admin",), NOW)
    pod, evil = {"Host": "10.0.0.7:3001"}, {"Origin": "https://evil.example"}
    wrong = bearer(f"shoploop_{'0' * 12}_{'0' * 64}")
    named = {"state": tmp_path, "hosts": ("shop.example",), "admin_port": 1}

    def asked(settings, *headers, admin=True):
        app = FrontDoor(Starlette(routes=PAGES), Settings(**settings), admin=admin)
        return statuses(
            ask(app, *[("GET" if admin else "POST", "/metrics" if admin else "/recommend", h) for h in headers])
        )

    far = named | {"host": "0.0.0.0"}
    assert asked(far, pod | bearer(key), pod | wrong, pod, pod | bearer(key) | evil) == [200, 401, 401, 403]
    assert asked(named, pod | bearer(key), pod | wrong, pod) == [200, 401, 421]
    assert asked(far, pod | bearer(key), admin=False) == [421]
    assert asked({"state": tmp_path, "admin_port": 1}, pod, {}) == [421, 200]


def test_a_slow_body_gets_408_and_a_growing_one_413(tmp_path):
    async def slow():
        yield b"{"
        await asyncio.sleep(1)
        yield b"}"

    async def endless():
        while True:
            yield b" " * 400
            await asyncio.sleep(0)

    async def send(body):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(door(tmp_path)), base_url="http://localhost") as c:
            answer = await c.post("/recommend", content=body, headers={"Content-Type": "application/json"})
            return answer.status_code

    assert asyncio.run(send(slow())) == 408
    assert asyncio.run(send(endless())) == 413


def test_a_log_line_names_the_request_and_never_the_user_or_the_key(tmp_path):
    _, key = add_key(tmp_path / KEYS_FILE, "web", ("recommend",), NOW)
    lines, logger = [], logging.getLogger(json_log.LOGGER)

    class Kept(logging.Handler):
        def emit(self, message):
            lines.append(json_log.JsonLines().format(message))

    logger.addHandler(handler := Kept())
    level, _ = logger.level, logger.setLevel(logging.INFO)
    answer = ask(door(tmp_path), ("POST", "/recommend?user_id=secret-person", bearer(key)))[0]
    logger.removeHandler(handler)
    logger.setLevel(level)
    line = json.loads(lines[-1])
    assert line["request_id"] == answer.headers["x-request-id"] == answer.json()["request_id"]
    assert (line["event"], line["route"], line["status"]) == ("request", "/recommend", 200)
    assert "secret-person" not in lines[-1]
    assert key not in lines[-1]


def test_no_path_of_a_caller_becomes_a_label(tmp_path):
    ask(door(tmp_path), *[("GET", f"/made/up/{n}", {}) for n in range(50)])
    text = exposition()[0].decode()
    assert "made/up" not in text
    assert 'route="other"' in text


def test_an_answer_that_does_not_come_is_told_and_counted_as_504_and_others_take_its_turn(tmp_path):
    settings, go_on, asked = Settings(state=tmp_path), threading.Event(), []

    def hangs_once(request):
        asked.append(request)
        if len(asked) == 1:
            go_on.wait(20)
        return request

    counter = Counter(Starlette(routes=PAGES), lambda path: hangs_once, threads=1, within_s=0.5)
    app = FrontDoor(RequestGuard(counter, 1000, 0.3, Admission(32), 32), settings)
    counted = figures().requests.labels("/recommend", "504")._value
    before = counted.get()

    async def one_after_the_other():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=JSON) as client:
            answers = [await client.post("/recommend", content=b'{"user_id": "u"}') for _ in range(2)]
            still = not go_on.is_set()
            go_on.set()  # the loop ends only when its threads have
            return still, *answers

    still, late, next_one = asyncio.run(one_after_the_other())
    assert still, "it hung all the while"
    assert (late.status_code, late.headers["Retry-After"]) == (504, "1")
    assert late.json() == {"error": "no answer within 0.5 s; come again in a second"}
    assert len(late.headers["x-request-id"]) == 32
    assert next_one.status_code == 200
    assert counted.get() - before == 1
