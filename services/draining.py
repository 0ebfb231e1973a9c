"""Leaving: from SIGTERM on every answer is its connection's last, so that clients go elsewhere instead of losing one."""

from __future__ import annotations

import signal
import threading
from types import FrameType

LEAVING = threading.Event()


def watch() -> None:
    """Notice SIGTERM, and let the server's own handler do what it does. In the main thread; elsewhere nothing."""
    if threading.current_thread() is not threading.main_thread():
        return
    before = signal.getsignal(signal.SIGTERM)

    def leave(number: int, frame: FrameType | None) -> None:
        LEAVING.set()
        if callable(before):
            before(number, frame)

    if callable(before):  # a server is there; without one the signal ends the process as ever
        signal.signal(signal.SIGTERM, leave)
