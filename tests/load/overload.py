"""Three times as many requests as can be answered: good answers go on, the rest is refused at once.

python -m tests.load.overload [--seconds 60] [--release FOLDER] [--anyway]
"""

import argparse
import tempfile
import time
from pathlib import Path

from tests.load.lines import Line, told
from tests.load.machine import others, quiet, words
from tests.load.open_loop import load, peak
from tests.load.servers import service
from tests.load.shop import build

GOOD_SHARE, REFUSED_P99_MS, RECOVERED_S = 0.9, 50.0, 5.0
ITEMS = 20_000


def measure(shop, seconds, times=3):
    """Peak, `times` as much, until one request at a time is answered as before, and the peak once more.

    Good answers are held to the peak before; the one after tells how much of a loss is the machine's.
    """
    peak(shop.url, min(2, seconds))
    before = peak(shop.url, seconds / 4)
    over = load(shop.url, times * before, seconds)
    recovered = shop.wait_until(lambda: shop.post("/recommend", user_id="u00").status_code == 200, 30)
    return {
        "peaks": (before, peak(shop.url, seconds / 4)),
        "good_share": over["good_per_s"] / before,
        "refused_p99": over["refused_p99"],
        "failed": over["failed"],
        "by_status": over["by_status"],
        "late": over["generator_late_s"],
        "recovered_s": recovered,
    }


def lines_of(found):
    """Figures and their lines."""
    return [
        Line("good answers, of the peak", found["good_share"], GOOD_SHARE, least=True),
        Line("p99 of refusals", found["refused_p99"] or 0.0, REFUSED_P99_MS, " ms"),
        Line("neither answered nor refused", found["failed"], 0),
        Line("recovered", found["recovered_s"], RECOVERED_S, " s"),
    ]


def main():
    """Print the row; returns the exit code."""
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--release", type=Path)
    options.add_argument("--anyway", action="store_true")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        release = asked.release or build(Path(folder) / "shop", ITEMS)
        quiet()
        with service(release) as shop:
            time.sleep(1)
            found = measure(shop, asked.seconds)
    before, after = found["peaks"]
    print(f"3 × a peak of {before:.0f}/s, afterwards {after:.0f}/s; by status {found['by_status']}")
    print(f"the generator was {found['late']:.1f} s late at its end; afterwards: {words(others())}")
    return told(lines_of(found))


if __name__ == "__main__":
    raise SystemExit(main())
