"""How long until an event told to one worker changes the answers of both, on the store that SHOPLOOP_STATE_URL names.

python -m tests.load.nearline [--rounds 50]
"""

import argparse
import time

import httpx
import numpy as np

from tests.faults.shop_service import small_service

WITHIN_S = 1.0
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
            pass
        taken.append(time.perf_counter() - began)
    return {"median_s": float(np.median(taken)), "longest_s": max(taken), "rounds": rounds}


def words_of(found):
    """The row, as it is printed."""
    return (
        f"an event changes all {CONNECTIONS} connections' next answers over two workers: median "
        f"{found['median_s']:.2f} s, longest of {found['rounds']} {found['longest_s']:.2f} s, "
        f"asking them one after the other included (reach {WITHIN_S:.0f})"
    )


def main():
    """Print the row."""
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=50)
    with small_service(workers=2) as shop:
        print(words_of(measure(shop, options.parse_args().rounds)))


if __name__ == "__main__":
    main()
