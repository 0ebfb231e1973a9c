"""Three times as many requests as can be answered: good answers go on, the rest is refused at once.

python -m tests.load.overload [--seconds 96] [--release FOLDER] [--anyway]
"""

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.load.lines import Line, told
from tests.load.machine import others, quiet, words
from tests.load.open_loop import load, peak
from tests.load.servers import service
from tests.load.shop import build

GOOD_SHARE, REFUSED_P99_MS, RECOVERED_S = 0.9, 50.0, 5.0
ITEMS = 20_000
ROUNDS, FILLING_S = 16, 2


def measure(shop, seconds, times=3, rounds=ROUNDS):
    """Peak and `times` as much in turns, then how long until one request at a time is answered as before.

    In turns, because what a machine can do changes by a fifth within two minutes: both are asked of the same ones. In
    many short turns, because the share within one still varies by 8 % (standard deviation), the mean of sixteen by 2 %.
    An overload's first seconds do not count, in which its queue fills: what is in the house at its end would count
    double.
    """
    peak(shop.url, min(2, seconds))
    peaks, overs = [], []
    for _ in range(rounds):
        peaks.append(peak(shop.url, seconds / rounds))
        overs.append(load(shop.url, times * peaks[-1], seconds / rounds + FILLING_S))
    recovered = shop.wait_until(lambda: shop.post("/recommend", user_id="u00").status_code == 200, 30)
    good = [count for over in overs for count in over["good_by_second"][FILLING_S:]]
    return {
        "peaks": peaks,
        "good_share": (sum(good) / len(good)) / (sum(peaks) / rounds),
        "refused_p99": max((over["refused_p99"] or 0.0 for over in overs), default=0.0),
        "failed": sum(over["failed"] for over in overs),
        "by_status": dict(sum((Counter(over["by_status"]) for over in overs), Counter())),
        "late": max(over["generator_late_s"] for over in overs),
        "recovered_s": recovered,
    }


def lines_of(found):
    """Figures and their lines."""
    return [
        Line("good answers, of the peak", found["good_share"], GOOD_SHARE, least=True),
        Line("p99 of refusals", found["refused_p99"], REFUSED_P99_MS, " ms"),
        Line("neither answered nor refused", found["failed"], 0),
        Line("recovered", found["recovered_s"], RECOVERED_S, " s"),
    ]


def main():
    """Print the row; returns the exit code."""
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=96)
    options.add_argument("--release", type=Path)
    options.add_argument("--anyway", action="store_true")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        release = asked.release or build(Path(folder) / "shop", ITEMS)
        quiet()
        with service(release) as shop:
            time.sleep(1)
            found = measure(shop, asked.seconds)
    peaks = ", ".join(f"{each:.0f}" for each in found["peaks"])
    print(f"3 × peaks of {peaks}/s; by status {found['by_status']}")
    print(f"the generator was {found['late']:.1f} s late at its end; afterwards: {words(others())}")
    return told(lines_of(found))


if __name__ == "__main__":
    raise SystemExit(main())
