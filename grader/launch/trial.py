"""Finds out which layers of isolation work on this machine, by trying each one with a real worker."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass

from grader.course.limits import LAYERS
from grader.launch.launchers import ForkLauncher, LaunchError
from grader.wire import messages
from grader.wire.decoder import decode
from grader.wire.stream import WireBroken, WireTimeout

# Grading requires these; the other layers only strengthen what "limits" does as well.
REQUIRED = ("limits", "landlock", "seccomp")

# Code that must fail in a worker that is inside the layer.
_TRIALS = {
    "limits": "def trial():\n    bytearray(4 << 30)\n",
    "scratch": "def trial():\n    for i in range(80):\n        open(f'f{i}', 'wb').write(bytes(1 << 20))\n",
    "uid": "import os\ndef trial():\n    os.setuid(0)\n",
    "landlock": "import os\ndef trial():\n    os.listdir('/')\n",
    "seccomp": "import socket\ndef trial():\n    socket.socket()\n",
}


@dataclass(frozen=True)
class Layer:
    """The result of trying a layer.

    Attributes:
        name: the layer.
        works: whether it stopped a worker from doing what it is meant to prevent.
        problem: why it does not work, or "".
    """

    name: str
    works: bool
    problem: str = ""


def try_layers(launcher: ForkLauncher) -> list[Layer]:
    """Try each layer by itself."""
    return [_try(launcher, name) for name in LAYERS]


def working_layers(launcher: ForkLauncher) -> tuple[list[str], list[Layer]]:
    """Return the names of the layers that work here, and the required layers that do not work."""
    tried = try_layers(launcher)
    missing = [layer for layer in tried if not layer.works and layer.name in REQUIRED]
    return [layer.name for layer in tried if layer.works], missing


def _try(launcher: ForkLauncher, name: str) -> Layer:
    if name == "uid" and os.geteuid() != 0:
        return Layer(name, False, "only root can give each worker a user of its own")
    # Another user may lack the right to read the interpreter; with Landlock, a worker keeps that right.
    branch = launcher.branch(["uid", "landlock"] if name == "uid" else [name])
    try:
        connection = branch.start(["numpy"])
        try:
            deadline = time.monotonic() + 20
            source = _TRIALS[name].encode()
            connection.request(messages.load("trial", "trial.py", source, {}), deadline)
            answer = decode(connection.request(messages.call("trial"), deadline))
        finally:
            connection.end()
    except (LaunchError, WireBroken, WireTimeout) as error:
        return Layer(
            name, False, str(error).strip().splitlines()[-1] if str(error) else "no answer"
        )
    finally:
        branch.close()
    if answer["kind"] == "raised":
        return Layer(name, True)
    return Layer(name, False, "it does not stop what it should stop")


def available() -> bool:
    """Return whether this system can have any layers at all."""
    return sys.platform == "linux"
