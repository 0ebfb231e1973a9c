"""Start the service: `python -m services serve`. It becomes BentoML's own server, so signals reach that directly."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from components.core.errors import ConfigError, ShoploopError
from components.core.ports import HOST, probe
from services import process

if TYPE_CHECKING:
    from components.search.index import SearchIndex
    from services.settings import Settings

TARGET = "services.recommender:Recommender"
DRAIN_WITHIN_S = 30  # requests under way at SIGTERM are answered, for so long
PROJECT = Path(__file__).resolve().parents[1]


@click.group()
def main() -> None:
    """The recommender over HTTP."""
    process.prepare()


@main.command()
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="0 picks a free one.", show_default=True)
@click.option("--host", help="Address to listen on, a number; beyond loopback it asks for API keys.")
@click.option("--admin-port", type=click.IntRange(1, 65535), help="A port of its own for metrics, health and release.")
@click.option("--search", type=click.Path(path_type=Path), help="Search in this index, whatever release serves.")
@click.option("--search-only", is_flag=True, help="With --search: no release is looked for; nothing is recommended.")
@click.option("--release", type=click.Path(path_type=Path), help="Serve this folder and ask no registry.")
def serve(
    port: int, host: str | None, admin_port: int | None, search: Path | None, search_only: bool, release: Path | None
) -> None:
    """Serve the champion, on loopback; the address is printed first."""
    from services.settings import read_settings

    told = {"SHOPLOOP_RELEASE": release and release.resolve(), "SHOPLOOP_SEARCH": search and search.resolve()}
    told |= {"SHOPLOOP_HOST": host, "SHOPLOOP_ADMIN_PORT": admin_port, "SHOPLOOP_SEARCH_ONLY": search_only or None}
    os.environ.update({name: str(value) for name, value in told.items() if value is not None})
    try:
        settings = read_settings()
        _check(settings)
        port = claim_ports(port, settings.admin_port, settings.host)
    except ShoploopError as e:
        click.echo(f"shoploop: {e}", err=True)
        sys.exit(2)
    # BentoML's workers run in a folder of their own.
    os.environ["SHOPLOOP_ROOT"] = str(settings.root.resolve())
    os.environ["SHOPLOOP_STATE"] = str(settings.state.resolve())
    # BentoML's workers share their figures in a folder there: two services of one person would empty each other's.
    os.environ["BENTOML_HOME"] = str(settings.state.resolve() / "bentoml")
    click.echo(f"http://{settings.host}:{port}")
    sys.stdout.flush()
    arguments = ["-m", "services.server", "serve", TARGET, "--host", settings.host, "--port", str(port)]
    arguments += ["--working-dir", str(PROJECT), "--timeout-graceful-shutdown", str(DRAIN_WITHIN_S)]
    os.execv(sys.executable, [sys.executable, *arguments])  # noqa: S606 - no shell wanted


def _check(settings: Settings) -> None:
    """Raise a ShoploopError for what could never serve: better one line now than a service that is never ready."""
    from services.access import check_keys
    from services.state import State
    from services.traces import open_traces

    state = State.of(settings)
    state.open()
    check_keys(settings)
    open_traces(settings.traces)
    if settings.search is not None:
        from components.search.load import load as load_index

        _check_pushed(settings, load_index(settings.search))
    if settings.release is not None:
        from components.core.lean_imports import import_lean
        from components.release.load import load
        from services.desk import Desk

        import_lean()
        release = load(settings.release)
        Desk(settings, state).check(release)
        if settings.search is None:
            _check_pushed(settings, release.search)


def _check_pushed(settings: Settings, index: SearchIndex | None) -> None:
    """Raise NotPushedError if the search server answers, and does not hold the index."""
    if settings.search_engine is not None and index is not None:
        from services.search_server import SearchServer

        SearchServer(settings.search_engine).check(index, first=True)


def claim_ports(port: int, admin_port: int | None, host: str = HOST) -> int:
    """The public port, as `claim`; ConfigError too where the admin port is taken, or the same.

    Nobody would notice later: workers share the admin port, so the system would let another service share it as well,
    and figures would be the one's or the other's.
    """
    if admin_port is None:
        return claim(port, host)
    claim(admin_port, host, "--admin-port")
    if port == admin_port:
        raise ConfigError(f"port {port} cannot be the admin port too; choose another --admin-port.")
    found = claim(port, host)
    while found == admin_port:  # only where any would do
        found = claim(port, host)
    return found


def claim(port: int, host: str = HOST, option: str = "--port") -> int:
    """The port if it is free, or a free one for 0; ConfigError if it is taken. option: by which it was chosen."""
    try:
        return probe(port, host)
    except OSError as e:
        another = "--port 0 picks a free one" if option == "--port" else f"{option} names it"
        raise ConfigError(
            f"port {port} on {host} cannot be used ({e.strerror}); stop what uses it, or choose another: {another}."
        ) from None


if __name__ == "__main__":
    main()
