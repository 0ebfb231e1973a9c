"""BentoML's command line, with a supervisor that looks after its workers every second: `python -m services.server …`.

BentoML hands its supervisor (circus) ten seconds between two looks, so a worker that was killed was missed for five
seconds in the mean before anybody began to start another.
"""

from __future__ import annotations

from functools import partial

LOOK_S = 1.0


def look_often() -> None:
    """Let every supervisor that BentoML starts in this process look once a second."""
    from bentoml._internal.utils import circus

    circus.create_standalone_arbiter = partial(circus.create_standalone_arbiter, check_delay=LOOK_S)


if __name__ == "__main__":
    from bentoml_cli.cli import cli

    look_often()
    cli()
