"""A search server for tests, that keeps what it is sent: it speaks as much of the servers' documented HTTP as we ask.

Every document of an index is an answer to every question, in the order of its rows; words are for real servers.
"""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """JSON as its server's `reply(method, path, body, headers)` says."""

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        status, content = self.server.reply(self.command, self.path, body, dict(self.headers))
        raw = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - http.server's names

    def log_message(self, *arguments):
        pass


class SearchServer(ThreadingHTTPServer):
    """indices: name → id → document; bulks_left: so many are taken, then the machine is full (None: all)."""

    daemon_threads = True

    def __init__(self, address=("127.0.0.1", 0)):
        super().__init__(address, Handler)
        self.indices, self.asked, self.bulks_left = {}, [], None
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def reply(self, method, path, body, _):
        _, name, *rest = path.split("/")
        self.asked.append((method, name, *rest))
        action = "".join(rest)
        if method == "PUT" and not action:
            if name in self.indices:
                return _error(400, "resource_already_exists_exception", f"index [{name}/x] already exists")
            self.indices[name] = {}
            return 200, {"acknowledged": True, "shards_acknowledged": True, "index": name}
        if action == "_bulk":
            return self._bulk(name, [json.loads(line) for line in body.splitlines()])
        if name not in self.indices:
            return _error(404, "index_not_found_exception", f"no such index [{name}]")
        if action == "_refresh":
            return 200, {"_shards": {"total": 2, "successful": 1, "failed": 0}}
        documents = self.indices[name]
        if action == "_count":
            return 200, {"count": len(documents), "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0}}
        size = json.loads(body)["size"]
        hits = [
            {"_id": str(row), "_score": 1.0, "fields": {"row": [row]}} for row in sorted(map(int, documents))[:size]
        ]
        return 200, {"hits": {"max_score": 1.0, "hits": hits}}

    def _bulk(self, name, lines):
        if self.bulks_left == 0:
            return _error(503, "unavailable_shards_exception", "the machine is full")
        self.bulks_left = None if self.bulks_left is None else self.bulks_left - 1
        taken = self.indices.setdefault(name, {})  # a server makes an index that is not there, as a rule
        taken |= {head["index"]["_id"]: source for head, source in zip(lines[::2], lines[1::2], strict=True)}
        return 200, {"errors": False, "items": []}


def _error(status, kind, reason):
    error = {"type": kind, "reason": reason}
    return status, {"error": {"root_cause": [error], **error}, "status": status}


@contextmanager
def search_server():
    with running(SearchServer()) as server:
        yield server


@contextmanager
def running(server):
    """The server, answering until the end."""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
