"""What our command lines share: our own errors are words, not tracebacks."""

from __future__ import annotations

import click

from components.core.errors import ShoploopError


class PlainErrors(click.Group):
    """Print our own errors as words, without a traceback, and leave with 2."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ShoploopError as e:
            click.echo(f"shoploop: {e}", err=True)
            ctx.exit(2)
