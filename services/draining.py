"""Leaving: for a second after SIGTERM the service goes on, not ready any more; every answer is its connection's last.

Closing at once would lose what clients have just sent on connections that they still take for open.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType

LEAVING = threading.Event()
STAYS_S = 1.0


def watch() -> None:
    """Notice SIGTERM; the server's own handler does the rest a second later. Nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return
    before = signal.getsignal(signal.SIGTERM)

    def leave(number: int, frame: FrameType | None) -> None:
        LEAVING.set()
        threading.Timer(STAYS_S, before, (number, frame)).start()

    if callable(before):  # a server is there; without one the signal ends the process as ever
        signal.signal(signal.SIGTERM, leave)
