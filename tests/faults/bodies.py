"""Bodies of 10 and 100 MB, endless ones and slow ones: refused, in bounded memory, and neighbours answer as before.

More bodies are slow at a time than the queue has places, and than may be under way.

python -m tests.faults.bodies [--anyway]
"""

import socket
import threading
import time
from urllib.parse import urlsplit

import numpy as np

from tests.faults.shop_service import memory_mb, small_service
from tests.load.lines import Line, told
from tests.load.machine import quiet

MEMORY_MB, SLOWER = 64, 3.0
ANSWERS = {"10 MB": 413, "100 MB": 413, "endless": 413, "slow": 408}
SLOW_ONES = 300  # two workers have 64 places and hold 256 bodies
BLOCK = b" " * 65_536
HEAD = "POST /recommend HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def send(url, head, blocks, pause_s=0.0):
    """Send a request by hand and read the status of what comes back; 0 if the connection ended without one."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as s:
        s.sendall((HEAD + head + "\r\n").encode())
        try:
            for block in blocks:
                s.sendall(block)
                time.sleep(pause_s)
        except OSError:
            pass  # refused while we were still sending
        try:
            return int(s.recv(100).split()[1])
        except (OSError, IndexError):
            return 0


def declared(url, size):
    """A body of `size` bytes that says so."""
    return send(url, f"Content-Length: {size}\r\n", (BLOCK for _ in range(size // len(BLOCK))))


def endless(url, seconds=3.0):
    """Chunks without end."""
    chunk = f"{len(BLOCK):x}\r\n".encode() + BLOCK + b"\r\n"
    until = time.monotonic() + seconds
    return send(url, "Transfer-Encoding: chunked\r\n", iter(lambda: chunk if time.monotonic() < until else None, None))


def slow(url, seconds=8.0):
    """A byte now and then."""
    return send(url, "Content-Length: 5000\r\n", (b" " for _ in range(int(seconds * 5))), pause_s=0.2)


def measure(shop, each=4):
    """All kinds at once, `each` of them; what they were answered, what neighbours felt, what memory did."""
    calm = neighbours(shop, 30)
    before, answers, highest = memory_mb(shop), {}, [0.0]
    kinds = {
        "10 MB": lambda: declared(shop.url, 10 << 20),
        "100 MB": lambda: declared(shop.url, 100 << 20),
        "endless": lambda: endless(shop.url),
        "slow": lambda: slow(shop.url),
    }
    threads = [
        threading.Thread(target=lambda kind=kind, do=do: answers.setdefault(kind, []).append(do()))
        for kind, do in kinds.items()
        for _ in range(SLOW_ONES if kind == "slow" else each)
    ]
    for thread in threads:
        thread.start()
    felt = []
    while any(thread.is_alive() for thread in threads):
        felt += neighbours(shop, 3)
        highest[0] = max(highest[0], memory_mb(shop))
    return {
        "answers": answers,
        "more_mb": max(0.0, highest[0] - before),
        "neighbours": len(felt),
        "slower": float(np.median(felt) / np.median(calm)),
    }


def neighbours(shop, asked):
    """Seconds of ordinary requests, every one answered."""
    taken = []
    for number in range(asked):
        began = time.perf_counter()
        shop.recommend(user_id=f"u{number:02}")
        taken.append(time.perf_counter() - began)
    return taken


def lines_of(found):
    """Figures and their lines."""
    return [
        *(
            Line(f"answers of {kind} that are no {status}", sum(said != status for said in found["answers"][kind]), 0)
            for kind, status in ANSWERS.items()
        ),
        Line("more memory", found["more_mb"], MEMORY_MB, " MB"),
        Line(f"median of {found['neighbours']} neighbours against a calm one", found["slower"], SLOWER, " ×"),
    ]


def main():
    """Print the row; returns the exit code."""
    with small_service() as shop:
        quiet()
        return told(lines_of(measure(shop)))


if __name__ == "__main__":
    raise SystemExit(main())
