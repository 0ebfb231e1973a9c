"""SIGTERM under load: what was accepted is answered before the service ends.

python -m tests.faults.drain
"""

import threading
import time
from collections import Counter

import httpx

from tests.faults.shop_service import parent_of, small_service

ENDS_WITHIN_S = 35.0


def measure(shop, clients=8, seconds=2.0):
    """Clients ask without a pause, each on its connection; then SIGTERM. A request sent and not answered is lost."""
    outcomes, term = Counter(), threading.Event()

    def ask():
        with httpx.Client(base_url=shop.url, timeout=30) as client:
            while True:
                try:
                    outcomes[client.post("/recommend", json={"user_id": "u01"}).status_code] += 1
                except httpx.ConnectError:
                    return  # nobody listens any more: it was never accepted
                except httpx.TransportError:
                    outcomes["lost" if not term.is_set() else "closed"] += 1
                    if term.is_set():
                        return

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    parent = parent_of(shop)
    began = time.monotonic()
    term.set()
    parent.terminate()
    parent.wait(timeout=ENDS_WITHIN_S)
    for thread in threads:
        thread.join()
    return {"outcomes": {str(key): count for key, count in outcomes.items()}, "ended_s": time.monotonic() - began}


def words_of(found):
    """The row, as it is printed."""
    return f"SIGTERM under load: {found['outcomes']}; ended after {found['ended_s']:.1f} s"


def main():
    """Print the row."""
    with small_service() as shop:
        print(words_of(measure(shop)))


if __name__ == "__main__":
    main()
