"""The command line of `python -m grader`."""

from __future__ import annotations

import io
import sys
import traceback

import typer

# Importing these modules adds their commands to the application.
import grader.cli.learner
import grader.cli.maintainer
import grader.cli.teacher  # noqa: F401
from grader.cli.app import KIT, STOPPED, app


def main() -> None:
    """Run the command line; an unexpected exception ends it with exit code 3."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Output that a terminal cannot encode must not end the kit, nor must input that is not text.
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(STOPPED)
    except Exception:
        traceback.print_exc()
        typer.echo("The kit itself failed, which is not your fault.", err=True)
        sys.exit(KIT)
