"""Whether a figure measured now would mean something: how many cores, and how busy others keep them."""

import os
import sys
import time

import psutil

BUSY_SHARE = 0.15  # of all cores, used by others
LOOK_S = 1.5
BUSY_CODE = 3


def others(seconds=LOOK_S):
    """Share of all cores that processes other than ours use now."""
    ours = psutil.Process()
    mine = [ours, *ours.children(recursive=True)]
    before, own = psutil.cpu_times(), _seconds(mine)
    time.sleep(seconds)
    after = psutil.cpu_times()
    busy = sum(getattr(after, name) - getattr(before, name) for name in ("user", "nice", "system"))
    return max(0.0, busy - (_seconds(mine) - own)) / (seconds * psutil.cpu_count())


def words(share):
    """The machine in words."""
    return f"{psutil.cpu_count()} cores, others use {share:.0%} of them, load {os.getloadavg()[0]:.1f}"


def quiet():
    """Say what machine this is; end with code 3 if it is too busy for a figure, unless --anyway was given."""
    share = others()
    print(f"machine: {words(share)}")
    if share > BUSY_SHARE and "--anyway" not in sys.argv:
        print("too busy for a figure; again later, or with --anyway (then the figures are of a busy machine)")
        sys.exit(BUSY_CODE)
    return share


def _seconds(processes):
    total = 0.0
    for process in processes:
        try:
            times = process.cpu_times()
            total += times.user + times.system
        except psutil.Error:
            continue
    return total
