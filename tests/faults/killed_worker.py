"""kill -9 of one of two workers under load: few requests fail, and two workers answer again soon.

python -m tests.faults.killed_worker [--anyway]
"""

import time

from tests.faults.shop_service import small_service, workers_of
from tests.load.lines import Line, told
from tests.load.machine import quiet
from tests.load.open_loop import finish, peak, start

FAILED_SHARE, RECOVERED_S = 0.005, 10.0
WORKERS = 2


def measure(shop, seconds=40.0, share=0.25):
    """At a share of the peak, kill one worker after a third of the time.

    Clients ask once more when their connection was lost, as proxies do.
    """
    rate = max(2.0, share * peak(shop.url, 3))
    asking = start(shop.url, rate, seconds, retry=True)
    time.sleep(seconds / 3)
    killed = workers_of(shop)[0]
    killed.kill()
    back = shop.wait_until(lambda: _others_than(killed, shop) == WORKERS == _workers_ready(shop), 60)
    found = finish(asking)
    return {
        "sent": found["sent"],
        "failed": found["sent"] - found["good"],
        "share": 1 - found["good"] / found["sent"],
        "recovered_s": back,
        "by_status": found["by_status"],
    }


def _others_than(killed, shop):
    return len([process for process in workers_of(shop) if process.pid != killed.pid])


def _workers_ready(shop):
    """As the figures tell: a worker counts itself when its release is verified, and not once it is dead."""
    line = next((line for line in shop.get("/metrics").text.splitlines() if line.startswith("shoploop_ready ")), "0 0")
    return float(line.split()[1])


def lines_of(found):
    """Figures and their lines."""
    return [
        Line(f"share of {found['sent']} that failed", found["share"], FAILED_SHARE),
        Line("both ready again", found["recovered_s"], RECOVERED_S, " s"),
    ]


def main():
    """Print the row; returns the exit code."""
    with small_service(WORKERS) as shop:
        quiet()
        found = measure(shop)
    print(f"kill -9 of one of two workers; by status {found['by_status']}")
    return told(lines_of(found))


if __name__ == "__main__":
    raise SystemExit(main())
