"""Posts over connections that are kept, at a small part of what a whole HTTP client costs.

A generator shares two cores with what it measures: at three times a service's peak a client of a third of a millisecond
a request takes a fifth of a core from it, which is then told as the service's loss.
"""

import asyncio
import json
import time
from urllib.parse import urlsplit

KEPT_S = 4  # the service closes a connection after five quiet seconds
LENGTH = b"content-length:"


class _Line(asyncio.Protocol):
    """One connection, one question at a time; answers come with a Content-Length, or are an error."""

    def connection_made(self, transport):
        self.transport, self.answer, self.got = transport, None, b""

    def ask(self, request):
        """The status, once the whole answer is there."""
        self.got, self.answer = b"", asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.answer

    def data_received(self, data):
        self.got += data
        head, end, body = self.got.partition(b"\r\n\r\n")
        if not end or self.answer is None or self.answer.done():
            return
        length = next((line[len(LENGTH) :] for line in head.lower().split(b"\r\n") if line.startswith(LENGTH)), None)
        if length is None:
            self.answer.set_exception(ConnectionError("an answer without a Content-Length"))
        elif len(body) >= int(length):
            self.answer.set_result(int(head[9:12]))

    def connection_lost(self, exc):
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(ConnectionError("the connection was closed"))


class LeanClient:
    """Posts JSON to one address."""

    def __init__(self, url, within_s):
        """within_s: seconds after which a question counts as not answered (TimeoutError)."""
        at = urlsplit(url)
        self._host, self._port, self._within = at.hostname, at.port, within_s
        self._kept = []

    async def post(self, path, body):
        """Status of the answer. Raises OSError or TimeoutError where there is none."""
        text = json.dumps(body)
        head = f"POST {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nContent-Type: application/json\r\n"
        async with asyncio.timeout(self._within):
            line = await self._line()
            try:
                status = await line.ask(f"{head}Content-Length: {len(text)}\r\n\r\n{text}".encode())
            except BaseException:
                line.transport.close()
                raise
        self._kept.append((time.perf_counter(), line))
        return status

    async def _line(self):
        while self._kept:
            at, line = self._kept.pop()
            if time.perf_counter() - at < KEPT_S and not line.transport.is_closing():
                return line
            line.transport.close()
        _, line = await asyncio.get_running_loop().create_connection(_Line, self._host, self._port)
        return line
