"""`python -m flows run`: the whole main job. `python -m flows up`: keep everything up."""

from __future__ import annotations

import logging
import tempfile
import time
from pathlib import Path

import click

from components.core.command_line import PlainErrors, run_and_leave
from components.core.config import PARAMS_FILE, read_params
from components.core.errors import ShoploopError
from flows import environment

ROOT = Path()


class NoTraceback(logging.Filter):
    """Spare a person the traceback of an error that says in words what to do; bugs keep theirs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        if record.exc_info and isinstance(record.exc_info[1], ShoploopError):
            record.exc_info = None
        return True


@click.group(cls=PlainErrors)
def main() -> None:
    """Run flows from the project's folder."""
    environment.prepare(ROOT)


@main.command()
def run() -> None:
    """Train, judge, register and serve: from raw tables to one user's answer."""
    from components.steps.runner import check_params, plain_disk_full

    check_params(read_params(ROOT / PARAMS_FILE), ROOT)  # before a server and a flow are started for nothing
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(name).addFilter(NoTraceback())
    with plain_disk_full("run", ROOT):
        _main_job()


def _main_job() -> None:
    started = time.monotonic()
    from flows.ab_test import ab_test
    from flows.demo import show_one_user
    from flows.monitor import monitor
    from flows.places import AFTER_THE_LOOP, OF_THE_LOOP, print_places
    from flows.robustness import robustness
    from flows.serving import own_service
    from flows.train import train

    train(say_where=False)
    robustness()
    monitor()
    ab_test()
    # A state and a log of its own: `make up` may be running in this folder, on the same tables.
    with (
        tempfile.TemporaryDirectory() as state,
        own_service(ROOT, {"SHOPLOOP_STATE": state}, Path(state) / "service.log") as url,
    ):
        show_one_user(ROOT, url)
    print_places(ROOT, OF_THE_LOOP + AFTER_THE_LOOP)
    click.echo(f"done in {(time.monotonic() - started) / 60:.1f} minutes; `make up` keeps everything up.")


@main.command()
def up() -> None:
    """Keep MLflow UI, Prefect server, a worker and the service up until Ctrl-C."""
    from flows.stack import keep_up

    keep_up(ROOT)


if __name__ == "__main__":
    run_and_leave(main)
