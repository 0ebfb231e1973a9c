"""Three times as many requests as can be answered: good answers go on, the rest is refused at once.

python -m tests.load.overload [--seconds 60] [--release FOLDER] [--anyway]
"""

import argparse
import tempfile
import time
from pathlib import Path

from tests.load.machine import others, quiet, words
from tests.load.open_loop import load, peak
from tests.load.servers import service
from tests.load.shop import build

GOOD_SHARE, REFUSED_P99_MS, RECOVERED_S = 0.9, 50.0, 5.0
ITEMS = 20_000


def measure(shop, seconds, times=3):
    """Peak, then `times` as much, then how long until one request at a time is answered as before."""
    peak(shop.url, min(2, seconds))
    best = peak(shop.url, seconds / 4)
    over = load(shop.url, times * best, seconds)
    recovered = shop.wait_until(lambda: shop.post("/recommend", user_id="u00").status_code == 200, 30)
    return {
        "peak": best,
        "good_share": over["good_per_s"] / best,
        "refused_p99": over["refused_p99"],
        "failed": over["failed"],
        "by_status": over["by_status"],
        "late": over["generator_late_s"],
        "recovered_s": recovered,
    }


def words_of(found):
    """The row, as it is printed."""
    refused = "none" if found["refused_p99"] is None else f"{found['refused_p99']:.0f} ms"
    return (
        f"3 × overload of a peak of {found['peak']:.0f}/s: good answers {found['good_share']:.0%} of peak "
        f"(reach {GOOD_SHARE:.0%}), refusals p99 {refused} (reach {REFUSED_P99_MS:.0f} ms), "
        f"{found['failed']} failed, recovered in {found['recovered_s']:.1f} s (reach {RECOVERED_S:.0f}); "
        f"answers by status {found['by_status']}; the generator was {found['late']:.1f} s late at its end"
    )


def main():
    """Print the row."""
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--release", type=Path)
    options.add_argument("--anyway", action="store_true")
    told = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        release = told.release or build(Path(folder) / "shop", ITEMS)
        quiet()
        with service(release) as shop:
            time.sleep(1)
            print(words_of(measure(shop, told.seconds)))
    print(f"afterwards: {words(others())}")


if __name__ == "__main__":
    main()
