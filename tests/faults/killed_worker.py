"""kill -9 of one of two workers under load: few requests fail, and two workers answer again soon.

python -m tests.faults.killed_worker
"""

import time

from tests.faults.shop_service import small_service, workers_of
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


def words_of(found):
    """The row, as it is printed."""
    return (
        f"kill -9 of one of two workers: {found['failed']} of {found['sent']} failed = {found['share']:.2%} "
        f"(reach {FAILED_SHARE:.1%}), both ready again after {found['recovered_s']:.1f} s (reach {RECOVERED_S:.0f}); "
        f"by status {found['by_status']}"
    )


def main():
    """Print the row."""
    with small_service(WORKERS) as shop:
        print(words_of(measure(shop)))


if __name__ == "__main__":
    main()
