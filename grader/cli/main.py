"""The command line of `python -m grader`."""

from __future__ import annotations

import io
import sys
import traceback

import typer

# They add their commands to the application.
import grader.cli.learner
import grader.cli.maintainer
import grader.cli.teacher  # noqa: F401
from grader.cli.app import KIT, app


def main() -> None:
    """Run the command line; anything unforeseen is exit code 3."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What a learner's code says must not end the kit on a terminal that cannot show it.
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception:
        traceback.print_exc()
        typer.echo("The kit itself failed, which is not your fault.", err=True)
        sys.exit(KIT)
