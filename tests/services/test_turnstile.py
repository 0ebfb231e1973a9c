"""While the house is full plain requests are refused before they are parsed, and every other one is parsed as ever."""

import asyncio
import http.client
import json
import threading
import time

import pytest
import uvicorn
from bentoml._internal.server.http.traffic import TimeoutMiddleware
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from components.core.ports import HOST, probe
from services.admission import Admission
from services.front_door import FrontDoor
from services.request_guard import RequestGuard
from services.settings import Settings
from services.turnstile import Turnstile, refusable

BODY = b'{"user_id": "u1"}'
HEAD = b"POST /recommend HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
PLAIN = HEAD + b"Content-Length: 17\r\n\r\n" + BODY


def test_a_whole_plain_request_for_work_can_be_refused_at_sight():
    assert refusable(PLAIN) == "/recommend"
    assert refusable(PLAIN.replace(b"Host", b"Connection: keep-alive\r\nHost")) == "/recommend"
    assert refusable(PLAIN.replace(b"/recommend", b"/search")) == "/search"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        PLAIN[:-1],
        PLAIN + b"G",
        PLAIN + PLAIN,
        HEAD,
        HEAD + b"\r\n",
        PLAIN.replace(b"POST", b"GET"),
        PLAIN.replace(b"/recommend", b"/health"),
        PLAIN.replace(b"/recommend", b"/recommend?x=1"),
        PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"),
        PLAIN.replace(b"Host", b"Content-Length: 17\r\nHost"),
        PLAIN.replace(b"17", b"+17"),
        PLAIN.replace(b"17", b"17, 17"),
        PLAIN.replace(b"Content-Length: 17", b"Transfer-Encoding: chunked"),
        PLAIN.replace(b"Host", b"Transfer-Encoding : chunked\r\nHost"),
        PLAIN.replace(b"Host", b"Expect: 100-continue\r\nHost"),
        PLAIN.replace(b"Host", b"Connection: close\r\nHost"),
        PLAIN.replace(b"Host", b"Origin: https://shop.example\r\nHost"),
        PLAIN.replace(b"Host", b"Connection: keep-alive, upgrade\r\nHost"),
    ],
)
def test_all_else_goes_the_usual_way(data):
    assert refusable(data) is None


async def _slow(_):
    await asyncio.sleep(0.3)
    return JSONResponse({"items": []})


async def _hold(_):
    time.sleep(0.3)  # nothing else happens in the event loop
    return JSONResponse({})


@pytest.fixture
def house():
    """A server with a turnstile; yields its port and the admission that says whether it is full."""
    admission = Admission(1)
    pages = [
        Route("/recommend", lambda _: JSONResponse({"items": []}), methods=["POST"]),
        Route("/search", _slow, methods=["POST"]),
        Route("/hold", _hold),
    ]
    door = FrontDoor(RequestGuard(Starlette(routes=pages), 1000, 5, admission, 10), Settings(log_share=0))
    door = TimeoutMiddleware(door, 60)  # around all that BentoML serves; it hands on through a task of its own
    protocol = type("Here", (Turnstile,), {"admission": admission})
    port = probe()
    server = uvicorn.Server(uvicorn.Config(door, host=HOST, port=port, http=protocol, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield port, admission
    server.should_exit = True
    thread.join(timeout=5)


def ask(connection):
    connection.request("POST", "/recommend", BODY, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read()), answer.headers


def test_a_refusal_says_when_to_come_again_and_the_connection_goes_on(house):
    port, admission = house
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    assert ask(connection)[0] == 200
    admission.inside = 1
    for _ in range(3):
        status, told, headers = ask(connection)
        assert status == 429 and "too many requests" in told["error"]
        assert headers["retry-after"] == "1" and len(headers["x-request-id"]) == 32
    admission.inside = 0
    assert ask(connection)[0] == 200


def test_a_request_in_two_pieces_is_refused_at_the_front_door(house):
    port, admission = house
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    admission.inside = 1
    connection.connect()
    connection.sock.sendall(PLAIN[:40])
    time.sleep(0.1)
    connection.sock.sendall(PLAIN[40:])
    answer = http.client.HTTPResponse(connection.sock)
    answer.begin()
    assert answer.status == 429 and answer.headers["retry-after"] == "1"


def test_of_those_that_come_in_together_only_as_many_go_on_as_there_are_places(house):
    port, admission = house
    holding, *together = [http.client.HTTPConnection(HOST, port, timeout=5) for _ in range(6)]
    for connection in (holding, *together):
        connection.connect()
    holding.request("GET", "/hold")
    time.sleep(0.1)
    for connection in together:
        connection.request("POST", "/search", b'{"query": "tea"}', {"Content-Type": "application/json"})
    answers = [connection.getresponse() for connection in together]
    assert sorted(answer.status for answer in answers) == [200, 429, 429, 429, 429]
    at_sight = [answer for answer in answers if answer.headers["date"] is None]  # uvicorn tells the date
    assert len(at_sight) == 4
    assert (admission.inside, admission.coming) == (0, 0)
