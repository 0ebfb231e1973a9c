"""What a serving process asks of its libraries and its interpreter."""

from __future__ import annotations

import gc
import os

from components.core import environment


def prepare() -> None:
    """As every process, and one thread for each answer; call before the libraries concerned are imported.

    Answers keep the cores busy side by side. Two hundred rows through a hundred trees take XGBoost half a millisecond
    on one thread; two wait for each other, and on busy cores that took ten times as long.
    """
    environment.prepare()
    for name in ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT"):  # the second also holds where a release's options name more
        os.environ.setdefault(name, "1")


def settle() -> None:
    """Throw away what is garbage, and leave all that is there out of the collector's later looks.

    Packages and the first release are a few hundred thousand objects and stay: a full look at them takes some 80 ms,
    in which nobody is answered and nobody refused, and comes every twenty seconds or so under load. What nothing
    refers to any more is freed as before; only rings of what was there by now are not.
    """
    gc.collect()
    gc.freeze()
