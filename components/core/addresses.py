"""Addresses as they may be shown: whoever reads a message or GET /health learns no password."""

from __future__ import annotations

import re

USER_PART = re.compile(r"(?<=://)[^\s/]*@")  # up to the last @ before a slash: a password may hold an @ of its own
QUERY = re.compile(r"(\w+://[^\s?]*)\?[^\s'\")\]]*")  # of a database: ?user=…&password=…
HIDDEN = "…@"


def masked(text: str) -> str:
    """A text in which no address tells its user, its password or its query."""
    return USER_PART.sub(HIDDEN, QUERY.sub(r"\1", text))
