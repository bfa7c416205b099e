"""Workers that wait: a process starts them in advance, and a judge that it forks finds them ready."""

from __future__ import annotations

import contextlib

from grader.launch.connection import Connection, LaunchError, PlainLauncher
from grader.launch.fork import ForkLauncher, Unconnected


class SpareLauncher(PlainLauncher):
    """Starts the workers of one forked judge; the first may have been started before the fork.

    Args:
        launcher: the launcher of the process that will fork.
    """

    def __init__(self, launcher: ForkLauncher) -> None:
        # The connection to the zygote must exist before the fork.
        self._branch = launcher.branch()
        self._spare: Unconnected | None = None
        self._ready: tuple[list[str], Connection] | None = None

    def wait_with(self, groups: list[str]) -> None:
        """Before the fork: start a worker that waits; if that fails, the judge will hear of it."""
        with contextlib.suppress(LaunchError):
            self._spare = self._branch.fork(groups, warm=True)

    def connect(self) -> None:
        """In the judge: wait until the worker is ready."""
        spare, self._spare = self._spare, None
        if spare:
            # It may have ended together with the zygote.
            with contextlib.suppress(LaunchError):
                self._ready = spare.groups, spare.connect(self._branch)

    def start(self, groups: list[str], /) -> Connection:
        """Return the waiting worker if it has these package groups, or else start another."""
        ready, self._ready = self._ready, None
        return ready[1] if ready and ready[0] == groups else self._branch.start(groups)

    def close(self) -> None:
        """Close this process's ends; the workers end as soon as no process has them any more."""
        if self._spare:
            self._spare.close()
        self._branch.close()
