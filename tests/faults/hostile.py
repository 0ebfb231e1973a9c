"""Requests that schemathesis makes from the service's own OpenAPI document, and bodies that mean harm: no 5xx, no hang.

python -m tests.faults.hostile [--anyway]
"""

import json
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.bombs import pickled
from tests.faults.shop_service import small_service
from tests.load.lines import Line, told
from tests.load.machine import quiet

CASES, BODIES = 2_000, 500
HANG_S = 10.0
JSON = {"Content-Type": "application/json"}
POST = ("/recommend", "/similar", "/events", "/search", "/suggest")


class Tally:
    """What was answered, and the longest wait."""

    def __init__(self):
        self.statuses = Counter()
        self.longest_s = 0.0
        self.wrong = []

    def note(self, send, what):
        """Send; 5xx and no answer at all are wrong."""
        began = time.perf_counter()
        try:
            status = send().status_code
        except Exception as e:
            status = type(e).__name__
        self.longest_s = max(self.longest_s, time.perf_counter() - began)
        self.statuses[status] += 1
        if not isinstance(status, int) or status >= 500:
            self.wrong.append((status, repr(what)[:300]))


def document():
    """The service's OpenAPI document, as BentoML makes it; only what it answers itself."""
    from services.recommender import Recommender

    return json.loads(json.dumps(Recommender.openapi_spec.asdict()))


def by_schemathesis(shop, cases, tally):
    """Half of the cases fit the document, half do not."""
    import schemathesis
    from schemathesis import GenerationMode

    operations = [found.ok() for found in schemathesis.openapi.from_dict(document()).get_all_operations()]
    operations = [operation for operation in operations if operation.method.lower() == "post"]
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    each = -(-cases // (len(operations) * len(modes)))
    for operation in operations:
        for mode in modes:
            _cases(operation.as_strategy(generation_mode=mode), each, lambda case: tally.note(
                lambda: case.call(base_url=shop.url, timeout=HANG_S), case.body))  # fmt: skip


def _cases(strategy, number, call):
    @seed(1)
    @settings(max_examples=number, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(strategy)
    def each(case):
        call(case)

    each()


def hostile_bodies(number, rng):
    """Bytes: valid requests bent and broken, and things that were never JSON."""
    good = [
        {"user_id": "u01", "k": 5}, {"history": ["i000001"] * 3}, {"item_id": "i000001"},
        {"events": [{"event_id": "e", "user_id": "u01", "item_id": "i000001"}]},
        {"query": "tea", "filters": {"brands": ["x"]}, "facets": 3}, {"text": "te", "limit": 3},
    ]  # fmt: skip
    values = [
        None, True, -1, 0, 10**400, -1e308, "", "\u0000", "\ud800", "../../etc/passwd", "'; drop table events; --",
        "{{7*7}}", "${jndi:ldap://x}", "<script>", "x" * 100_000, [], {}, [[[[]]]], {"$ref": "#"}, "日本" * 50,
    ]  # fmt: skip
    for _ in range(number):
        body = dict(rng.choice(good))
        body[rng.choice([*body, "k", "filters", "user_id", "__proto__", "self"])] = rng.choice(values)
        raw = json.dumps(body).encode()
        yield rng.choice([
            lambda raw=raw: raw,
            lambda raw=raw: raw[: rng.randrange(len(raw))],
            lambda raw=raw: _flipped(raw, rng),
            lambda: rng.randbytes(rng.randrange(2000)),
            lambda: b"[" * rng.randrange(1, 100_000),
            lambda: b'{"k":' + b"9" * rng.randrange(1, 10_000) + b"}",
            lambda: b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94",
            lambda raw=raw: raw.decode().encode("utf-16"),
        ])()  # fmt: skip


def hostile_questions(number, rng):
    """Query strings of GET /suggest, valid ones and such as mean harm."""
    values = [
        "te",
        "3",
        "²",
        "٣",
        "-1",
        "1e3",
        "9" * 5_000,
        "",
        "%00",
        "%ff%fe",
        "%ud800",
        "a" * 3_000,
        "日本",
        "1&limit=2",
    ]
    for _ in range(number):
        names = rng.choices(["text", "limit", "text", "limit", "__proto__", "k"], k=rng.randrange(1, 4))
        yield "&".join(f"{name}={rng.choice(values)}" for name in names)


def bombs(client, tally):
    """How many pickles that were sent as whatever a framework may unpickle wrote their file, on this machine."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "written"
        body = pickled(path)
        for kind in ("application/vnd.bentoml+pickle", "application/octet-stream", "application/json"):
            for route in (*POST, "/"):
                headers = {"Content-Type": kind, "Payload-Container": "pickle", "Args-Number": "1"}
                tally.note(lambda route=route, h=headers: client.post(route, content=body, headers=h), (kind, route))
        return int(path.exists())


def _flipped(raw, rng):
    at = rng.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ (1 << rng.randrange(8))]) + raw[at + 1 :]


def measure(shop, cases=CASES, bodies=BODIES):
    """Both kinds, then whether the service still answers as before."""
    rng, tally = random.Random(1), Tally()
    before = shop.ids(user_id="u05")
    by_schemathesis(shop, cases, tally)
    made = sum(tally.statuses.values())
    with httpx.Client(base_url=shop.url, timeout=HANG_S) as client:
        for body in hostile_bodies(bodies, rng):
            tally.note(lambda body=body: client.post(rng.choice(POST), content=body, headers=JSON), body)
        for question in hostile_questions(bodies // 5, rng):
            tally.note(lambda question=question: client.get(f"/suggest?{question}"), question)
        exploded = bombs(client, tally)
    return {
        "cases": made,
        "bodies": sum(tally.statuses.values()) - made,
        "wrong": tally.wrong,
        "exploded": exploded,
        "longest_s": tally.longest_s,
        "statuses": dict(tally.statuses),
        "same": shop.ids(user_id="u05") == before,
    }


def lines_of(found):
    """Figures and their lines."""
    return [
        Line("cases of schemathesis", found["cases"], CASES, least=True),
        Line("hostile bodies and questions", found["bodies"], BODIES, least=True),
        Line("answers of 5xx or none", len(found["wrong"]), 0),
        Line("pickles that wrote their file", found["exploded"], 0),
        Line("longest answer", found["longest_s"], HANG_S, " s"),
        Line("answers that are others afterwards", int(not found["same"]), 0),
    ]


def main():
    """Print the row, and the first of what went wrong; returns the exit code."""
    with small_service() as shop:
        quiet()
        found = measure(shop)
    print(f"hostile requests, by status {found['statuses']}")
    for status, what in found["wrong"][:5]:
        print(status, what)
    return told(lines_of(found))


if __name__ == "__main__":
    raise SystemExit(main())
