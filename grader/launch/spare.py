"""Workers that wait: a process starts them in advance, and a judge that it forks finds them ready."""

from __future__ import annotations

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

    def wait_with(self, groups: list[str]) -> None:
        """Start a worker that waits to be used; if that fails, the judge will hear about it."""
        try:
            self._spare = self._branch.fork(groups)
        except LaunchError:
            self._spare = None

    def start(self, groups: list[str], /) -> Connection:
        """Return the waiting worker if it has these package groups, or else start another."""
        spare, self._spare = self._spare, None
        if spare and spare.groups == groups:
            try:
                return spare.connect(self._branch)
            except LaunchError:
                # It may have ended with the zygote while it waited.
                pass
        return self._branch.start(groups)

    def close(self) -> None:
        """Close this process's ends; the workers end as soon as no process has them any more."""
        if self._spare:
            self._spare.close()
        self._branch.close()
