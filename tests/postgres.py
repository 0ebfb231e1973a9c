"""A PostgreSQL server of a test's own, from Debian's package."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
MISSING = "no PostgreSQL server is installed here (Debian: apt-get install postgresql)"


@contextmanager
def server():
    """URL of a fresh server on loopback, in a temporary folder; PostgreSQL refuses to run as root."""
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    folder = Path(tempfile.mkdtemp(prefix="shoploop-postgres-", dir="/tmp"))  # a socket's path must be short
    os.chown(folder, user.pw_uid, user.pw_gid)
    tools = SERVERS[-1].parent

    def call(*command):
        done = subprocess.run(
            command, user=user.pw_uid, group=user.pw_gid, extra_groups=[], cwd=folder, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    try:
        call(tools / "initdb", "-D", folder / "db", "-A", "trust", "-U", "shop", "--no-sync", "-E", "UTF8")
        port = free_port()
        options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
        call(tools / "pg_ctl", "-D", folder / "db", "-w", "-l", folder / "log", "-o", options, "start")
        yield f"postgresql://shop:secret@127.0.0.1:{port}/postgres"
    finally:
        if (folder / "db/postmaster.pid").exists():
            call(tools / "pg_ctl", "-D", folder / "db", "-m", "immediate", "stop")
        shutil.rmtree(folder)


def free_port():
    """A port nobody listens on now."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
