"""A request that is not answered: with what status, in which words, and why in one word for the figures."""

from __future__ import annotations

from starlette.responses import JSONResponse


class RefusedError(Exception):
    """Raised by whatever guards the door; the front door turns it into the answer."""

    def __init__(self, status: int, reason: str, words: str, headers: dict[str, str] | None = None):
        """reason: one of a few words, a label of the figures; words: for the one who asked."""
        super().__init__(words)
        self.status = status
        self.reason = reason
        self.words = words
        self.headers = headers or {}

    def answer(self) -> JSONResponse:
        """As it is sent."""
        return JSONResponse({"error": self.words}, status_code=self.status, headers=self.headers)
