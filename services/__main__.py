"""Start the service: `python -m services serve`. It becomes BentoML's own server, so signals reach that directly."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from components.core import environment
from components.core.errors import ConfigError, ShoploopError
from components.core.ports import HOST, probe

if TYPE_CHECKING:
    from services.settings import Settings

TARGET = "services.recommender:Recommender"
PROJECT = Path(__file__).resolve().parents[1]


@click.group()
def main() -> None:
    """The recommender over HTTP."""
    environment.prepare()


@main.command()
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="0 picks a free one.", show_default=True)
@click.option("--release", type=click.Path(path_type=Path), help="Serve this folder and ask no registry.")
def serve(port: int, release: Path | None) -> None:
    """Serve the champion on loopback; prints the address first."""
    from services.settings import read_settings

    if release is not None:
        os.environ["SHOPLOOP_RELEASE"] = str(release.resolve())
    try:
        settings = read_settings()
        _check(settings)
        port = claim(port)
    except ShoploopError as e:
        click.echo(f"shoploop: {e}", err=True)
        sys.exit(2)
    # BentoML's workers run in a folder of their own.
    os.environ["SHOPLOOP_ROOT"] = str(settings.root.resolve())
    os.environ["SHOPLOOP_STATE"] = str(settings.state.resolve())
    click.echo(f"http://{HOST}:{port}")
    sys.stdout.flush()
    arguments = ["-m", "bentoml", "serve", TARGET, "--host", HOST, "--port", str(port), "--working-dir", str(PROJECT)]
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - no shell wanted


def _check(settings: Settings) -> None:
    """Raise a ShoploopError for what could never serve: better one line now than a service that is never ready."""
    from components.release.load import load
    from services.desk import Desk
    from services.state import State

    state = State.of(settings)
    state.open()
    if settings.release is not None:
        Desk(settings, state).check(load(settings.release))


def claim(port: int) -> int:
    """The port if it is free, or a free one for 0; ConfigError if it is taken."""
    try:
        return probe(port)
    except OSError as e:
        raise ConfigError(
            f"port {port} on {HOST} cannot be used ({e.strerror}); stop what uses it, or choose another: "
            "--port 0 picks a free one."
        ) from None


if __name__ == "__main__":
    main()
