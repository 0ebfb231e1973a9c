"""Addresses: which are ones, and how they may be shown: who reads a message or GET /health learns no password."""

from __future__ import annotations

import re
import urllib.parse

USER_PART = re.compile(r"(?<=://)[^\s/]*@")  # up to the last @ before a slash: a password may hold an @ of its own
QUERY = re.compile(r"(\w+://[^\s?]*)\?[^\s'\")\]]*")  # of a database: ?user=…&password=…
HIDDEN = "…@"
LONGEST_SHOWN = 200


def masked(text: str) -> str:
    """A text in which no address tells its user, its password or its query."""
    return USER_PART.sub(HIDDEN, QUERY.sub(r"\1", text))


def server_address(text: str) -> str:
    """http(s)://host or http(s)://host:port, as it was given but for a slash at its end.

    Raises ValueError in words if it is none, or tells a user or a password
    """
    parts = http_parts(text)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise _no_address(text)
    if parts.username is not None or parts.password is not None:
        raise ValueError("no user or password in the address")
    return f"{parts.scheme}://{parts.netloc}"


def http_parts(text: str) -> urllib.parse.SplitResult:
    """The parts of an address over HTTP, with whatever path; ValueError in words if it is none."""
    try:
        parts = urllib.parse.urlsplit(text)
        named = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is none, a bracket that is not closed
        named = False
    if not named or not text.isprintable() or " " in text:
        raise _no_address(text)
    return parts


def _no_address(text: str) -> ValueError:
    return ValueError(f"'{masked(text)[:LONGEST_SHOWN]}' is no address; write http://host:port")
