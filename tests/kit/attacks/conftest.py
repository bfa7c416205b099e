"""What the tests of single attacks share: workers with some of the layers of isolation, and bait."""

import contextlib
import os
import shutil
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from grader.course.limits import Limits
from grader.launch import fork
from grader.launch.launchers import Connection, ForkLauncher
from grader.wire import messages
from grader.wire.decoder import decode
from tests.kit.attacks.test_attacks import HERE, OUTSIDE, assemble, interpreter_for_all, make_kit

MEMORY_MB, BOMB_MB = 256, 512
SECONDS = 30.0
CALL = messages.call("gradients", (0.0, 1.0, np.array([[3.0]]), np.array([[1.0]])))


@dataclass
class Worker:
    """A worker, and an attack for it.

    Attributes:
        connection: what a judge holds of the worker.
        load: the request to load the attack.
        canary: a folder outside, where everybody may write.
    """

    connection: Connection
    load: dict
    canary: Path

    def ask(self, request):
        """Return the answer to a request."""
        return decode(self.connection.request(request, time.monotonic() + SECONDS))


@pytest.fixture(scope="module")
def workers():
    """Starts a worker that has some layers, for an attack; a context manager that ends it."""
    place = Path(tempfile.mkdtemp(prefix="layers-", dir=OUTSIDE))
    place.chmod(0o755)
    make_kit(place / "kit")
    for folder in ("class/000-honest", "out/000-honest", "out/999-honest", "canary"):
        (place / folder).mkdir(parents=True)
    (place / "class/000-honest/step_03_gradient.py").write_text("bait")
    (place / "out/000-honest/results.json").write_text("{}")
    (place / "canary").chmod(0o1777)
    # A worker with a user of its own and without Landlock can only run what every user can read.
    python = interpreter_for_all(place / "python") if os.geteuid() == 0 else sys.executable
    if python is None:
        pytest.skip("no interpreter of this version with these packages is readable by all users")
    patch = pytest.MonkeyPatch()
    patch.setattr(fork, "PYTHON", (python, *fork.PYTHON[1:]))
    launcher = ForkLauncher((), Limits(memory_mb=MEMORY_MB, scratch_mb=32))
    launcher.prepare()
    patch.undo()
    branches = {}
    with socket.create_server(("127.0.0.1", 0)) as server:
        names = {"KIT": f"{place}/kit", "CLASS": f"{place}/class", "OUT": f"{place}/out"}
        names |= {"PORT": server.getsockname()[1], "SIZE": BOMB_MB << 20}

        @contextlib.contextmanager
        def start(name, layers, canary=None):
            if canary is None:
                canary = Path(tempfile.mkdtemp(dir=place / "canary"))
                canary.chmod(0o1777)
                (canary / "bait").write_text("bait")
            path = HERE / "submissions" / f"{name}.py"
            # What would write into the packages of this interpreter is led to a folder of its own.
            led = {"np.__file__": f"{canary}/__init__.py"} if name == "files_packages" else {}
            source = assemble(path, CANARY=str(canary), NAME="000-honest", **names, **led)
            if layers not in branches:
                branches[layers] = launcher.branch(sorted(layers))
            connection = branches[layers].start([])
            try:
                load = messages.load("toy", "toy.py", source, {})
                yield Worker(connection, load, canary)
            finally:
                connection.end()

        yield start
        for branch in branches.values():
            branch.close()
    launcher.close()
    shutil.rmtree(place)
