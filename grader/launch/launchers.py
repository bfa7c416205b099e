"""Chooses how workers start: forked from a zygote, spawned where fork is missing, or in process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from grader.course.limits import Limits
from grader.launch.connection import Connection, Launcher, LaunchError, how_it_ended
from grader.launch.direct import DirectLauncher
from grader.launch.fork import ForkLauncher
from grader.launch.spawn import SpawnLauncher

__all__ = [
    "Connection",
    "DirectLauncher",
    "ForkLauncher",
    "LaunchError",
    "Launcher",
    "SpawnLauncher",
    "how_it_ended",
    "pick_launcher",
]


def pick_launcher(
    kind: str = "auto",
    layers: Iterable[str] = (),
    limits: Limits | None = None,
    imports: Iterable[str] = (),
) -> Launcher:
    """Return a launcher.

    On macOS, a process that has used system libraries must not fork, so "auto" forks only on Linux.

    Args:
        kind: "fork", "spawn", "direct", or "auto" for the best one that works on this system.
        layers: the layers of isolation around each worker; only "fork" has them.
        limits: the limits of each worker, by default those of `Limits()`; only "fork" has them.
        imports: what this process imports before it forks the zygote from itself (see `ForkLauncher`).
    """
    if kind == "auto":
        kind = "fork" if sys.platform == "linux" else "spawn"
    launchers: dict[str, Callable[[], Launcher]] = {
        "fork": lambda: ForkLauncher(layers, limits, imports=imports),
        "spawn": SpawnLauncher,
        "direct": DirectLauncher,
    }
    return launchers[kind]()
