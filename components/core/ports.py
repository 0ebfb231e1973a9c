"""Ports on loopback, the only address this project listens on unless a person names another."""

from __future__ import annotations

import socket

HOST = "127.0.0.1"
ANY = 0


def probe(port: int = ANY, host: str = HOST) -> int:
    """The port if a server could listen on it, or a free one for ANY; OSError if it cannot be used."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((host, port))
        return s.getsockname()[1]


def is_free(port: int) -> bool:
    """Whether a server could listen on this port."""
    try:
        probe(port)
    except OSError:
        return False
    return True
