"""How long until an event told to one worker changes the answers of both, on the store that SHOPLOOP_STATE_URL names.

python -m tests.load.nearline [--rounds 50] [--anyway]
"""

import argparse
import time

import httpx
import numpy as np

from tests.faults.shop_service import small_service
from tests.load.lines import Line, told
from tests.load.machine import others, quiet, words

WITHIN_S, GIVEN_UP_AFTER_S = 1.0, 30.0
CONNECTIONS = 8


def measure(shop, rounds=50):
    """Seconds from the sending of an event to the first moment at which every connection's answer knows it."""
    clients = [httpx.Client(base_url=shop.url, timeout=20) for _ in range(CONNECTIONS)]
    taken = []
    for number in range(rounds):
        user = f"nearline-{number}"
        event = {"event_id": user, "user_id": user, "item_id": "i000005"}
        began = time.perf_counter()
        clients[number % CONNECTIONS].post("/events", json={"events": [event]}).raise_for_status()
        while any(client.post("/recommend", json={"user_id": user}).json()["fallback"] for client in clients):
            assert time.perf_counter() - began < GIVEN_UP_AFTER_S, f"{user}'s event is not seen by every connection"
        taken.append(time.perf_counter() - began)
    return {"median_s": float(np.median(taken)), "longest_s": max(taken), "rounds": rounds}


def lines_of(found):
    """The figure and its line."""
    what = f"an event changes all {CONNECTIONS} connections' next answers, asked one after the other, longest"
    return [Line(f"{what} of {found['rounds']}", found["longest_s"], WITHIN_S, " s")]


def main():
    """Print the row; returns the exit code."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=50)
    options.add_argument("--anyway", action="store_true")
    asked = options.parse_args()
    with small_service(workers=2) as shop:
        quiet()
        found = measure(shop, asked.rounds)
    print(f"two workers, median {found['median_s']:.2f} s; afterwards: {words(others())}")
    return told(lines_of(found))


if __name__ == "__main__":
    raise SystemExit(main())
