"""What is loaded once and stays, the garbage collector need not look through again and again.

Packages and the first release are a few hundred thousand objects: a full look at them takes 40 to 80 ms, in which
nobody is answered and nobody refused, and happened every few seconds under load.
"""

from __future__ import annotations

import gc


def settle() -> None:
    """Throw away what is garbage, and leave all that is there out of later looks; it is freed as before if unused."""
    gc.collect()
    gc.freeze()
