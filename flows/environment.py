"""Where flows run: Prefect's home inside the project, the server of `make up` if it is up, else one for the moment."""

from __future__ import annotations

import os
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

from components.core import environment
from components.core.bundle import write_text

HOME = Path(".prefect")
PROFILES = HOME / "profiles.toml"
PROFILE = "shoploop"
MOMENTARY = "ephemeral"  # Prefect's own profile: a server that lives as long as the process

SETTINGS = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # its 20 s run out on a busy machine
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}


def prepare(root: Path) -> None:
    """Set what Prefect reads when it is imported; call before importing it."""
    environment.prepare()
    os.environ.setdefault("PREFECT_HOME", str(root.resolve() / HOME))
    os.environ.setdefault("PREFECT_PROFILES_PATH", str(root.resolve() / PROFILES))
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if "PREFECT_API_URL" not in os.environ and not server_answers(root):
        os.environ["PREFECT_PROFILE"] = MOMENTARY


def remember_server(root: Path, url: str) -> None:
    """Let every Prefect command in this folder talk to the server at `url`."""
    write_text(root / PROFILES, f'active = "{PROFILE}"\n\n[profiles.{PROFILE}]\nPREFECT_API_URL = "{url}"\n')


def forget_server(root: Path) -> None:
    """The server is gone."""
    (root / PROFILES).unlink(missing_ok=True)


def server_answers(root: Path) -> bool:
    """Whether the remembered server is up."""
    try:
        profiles = tomllib.loads((root / PROFILES).read_text(encoding="utf-8"))["profiles"]
        return answers(f"{profiles[PROFILE]['PREFECT_API_URL']}/health")
    except (OSError, tomllib.TOMLDecodeError, KeyError):
        return False


def answers(url: str) -> bool:
    """Whether something at this loopback address says that it is well."""
    try:
        with urllib.request.urlopen(url, timeout=1) as response:  # noqa: S310 - http on loopback only
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False
