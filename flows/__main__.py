"""`python -m flows run`: the whole main job. `python -m flows up`: keep everything up."""

from __future__ import annotations

import time
from pathlib import Path

import click

from components.core.errors import ShoploopError
from flows import environment

ROOT = Path()
SERVICE_LOG = Path("state/logs/service.log")


class PlainErrors(click.Group):
    """Print our own errors as words, without a traceback, and leave with 2."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ShoploopError as e:
            click.echo(f"shoploop: {e}", err=True)
            ctx.exit(2)


@click.group(cls=PlainErrors)
def main() -> None:
    """Run flows from the project's folder."""
    environment.prepare(ROOT)


@main.command()
def run() -> None:
    """Train, judge, register and serve: from raw tables to one household's answer."""
    started = time.monotonic()
    from flows.ab_test import ab_test
    from flows.demo import show_one_household
    from flows.monitor import monitor
    from flows.robustness import robustness
    from flows.serving import own_service
    from flows.train import train

    train()
    robustness()
    monitor()
    ab_test()
    with own_service(ROOT, {}, SERVICE_LOG) as url:
        show_one_household(ROOT, url)
    click.echo(f"done in {(time.monotonic() - started) / 60:.1f} minutes; `make up` keeps everything up.")


@main.command()
def up() -> None:
    """Keep MLflow UI, Prefect server, a worker and the service up until Ctrl-C."""
    from flows.stack import keep_up

    keep_up(ROOT)


if __name__ == "__main__":
    main()
