"""A Redis server of a test's own, from Debian's package."""

import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.postgres import free_port

BINARY = shutil.which("redis-server")
MISSING = "no Redis server is installed here (Debian: apt-get install redis-server)"


@contextmanager
def server():
    """URL of a fresh server on loopback that keeps nothing."""
    port = free_port()
    folder = Path(tempfile.mkdtemp(prefix="shoploop-redis-"))
    command = [BINARY, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        client = redis.Redis(port=port)
        for _ in range(100):
            try:
                client.ping()
                break
            except redis.ConnectionError:
                assert process.poll() is None, "redis-server ended"
                time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(timeout=20)
        shutil.rmtree(folder)
