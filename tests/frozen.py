"""A way to a server that can freeze: connections stay open, bytes are taken, and nothing comes back."""

import socket
import threading
from contextlib import contextmanager

from components.core.ports import HOST


class Way:
    """Its `port` stands for the server's. What was connected while it froze stays dead when it thaws."""

    def __init__(self, port):
        self._server, self._frozen, self._sockets = port, threading.Event(), []
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self):
        self._frozen.set()

    def thaw(self):
        self._frozen.clear()

    def close(self):
        for each in (self._listener, *self._sockets):
            each.close()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(near)
            if not self._frozen.is_set():
                far = socket.create_connection((HOST, self._server))
                self._sockets.append(far)
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source, target):
        try:
            while data := source.recv(65536):
                if self._frozen.is_set():
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@contextmanager
def way(url):
    """(the URL by that way, the way) of a server's URL."""
    port = url.rpartition("@")[2].rpartition("//")[2].partition("/")[0].rpartition(":")[2]
    found = Way(int(port))
    try:
        yield url.replace(f":{port}/", f":{found.port}/"), found
    finally:
        found.close()
