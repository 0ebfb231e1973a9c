"""SIGTERM under load: what was accepted is answered before the service ends.

python -m tests.faults.drain [--anyway]
"""

import threading
import time
from collections import Counter

import httpx

from tests.faults.shop_service import parent_of, small_service
from tests.load.lines import Line, told
from tests.load.machine import quiet

ENDS_WITHIN_S = 35.0


def measure(shop, clients=8, seconds=2.0):
    """Clients ask without a pause, each on its connection, until an answer says that it was the connection's last.

    A request that was sent on a connection the service had not given up, and was not answered, is lost.
    """
    outcomes, asked_to_end, after = Counter(), threading.Event(), [0]

    def ask():
        with httpx.Client(base_url=shop.url, timeout=30) as client:
            while True:
                try:
                    answer = client.post("/recommend", json={"user_id": "u01"})
                except httpx.TransportError:
                    outcomes["lost"] += 1
                    return
                outcomes[answer.status_code] += 1
                after[0] += asked_to_end.is_set()
                if answer.headers.get("connection") == "close":
                    return

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    parent = parent_of(shop)
    began = time.monotonic()
    asked_to_end.set()
    parent.terminate()
    parent.wait(timeout=ENDS_WITHIN_S)
    for thread in threads:
        thread.join()
    counts = {str(key): count for key, count in outcomes.items()}
    return {"outcomes": counts, "after": after[0], "lost": outcomes["lost"], "ended_s": time.monotonic() - began}


def lines_of(found):
    """Figures and their lines."""
    return [
        Line("lost", found["lost"], 0),
        Line("answered after SIGTERM", found["after"], 1, least=True),
        Line("ended", found["ended_s"], ENDS_WITHIN_S, " s"),
    ]


def main():
    """Print the row; returns the exit code."""
    with small_service() as shop:
        quiet()
        found = measure(shop)
    print(f"SIGTERM under load: {found['outcomes']}")
    return told(lines_of(found))


if __name__ == "__main__":
    raise SystemExit(main())
