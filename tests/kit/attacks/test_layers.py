"""Each layer of isolation for itself: what it stops alone, and what gets through when it is missing.

The table in docs/isolation.md is what is expected here, so that it cannot say anything else than what is true. It
holds for root and a kernel whose Landlock knows signals; for others there is the test that all layers together
let nothing through.
"""

import os
import re
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from grader import landlock
from grader.codec import CodecError, encode
from grader.decoder import decode
from grader.launch import ForkLauncher
from grader.limits import LAYERS, Limits
from grader.wire import WireBroken, WireTimeout
from tests.kit.attacks.test_attacks import HERE, OUTSIDE, ROOT, assemble, interpreter_for_all

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="isolation needs Linux")

TABLE = (ROOT / "docs" / "isolation.md").read_text("utf-8")
ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
EXPECTED = {
    name: tuple(frozenset(words.split(", ")) - {"none"} for words in cells)
    for name, *cells in ROW.findall(TABLE)
}
MEMORY_MB, BOMB_MB = 256, 512
SECONDS = 30.0


@pytest.fixture(scope="module")
def attempt():
    """Makes an attempt in a worker that has some layers; returns whether it got through."""
    place = Path(tempfile.mkdtemp(prefix="layers-", dir=OUTSIDE))
    place.chmod(0o755)
    (place / "solutions").mkdir()
    (place / "solutions" / "step_02_gradient.py").write_text("bait")
    (place / "secret").write_text("bait")
    (place / "secret").chmod(0o600)
    (place / "canary").mkdir()
    (place / "canary").chmod(0o1777)
    # A worker with a user of its own and without Landlock can only run what every user can read.
    python = interpreter_for_all(place / "python") if os.geteuid() == 0 else sys.executable
    if python is None:
        pytest.skip("no interpreter of this version with these packages is readable by all users")
    patch = pytest.MonkeyPatch()
    patch.setattr(sys, "executable", python)
    launcher = ForkLauncher((), Limits(memory_mb=MEMORY_MB, scratch_mb=32))
    launcher.warm_up()
    patch.undo()
    with socket.create_server(("127.0.0.1", 0)) as server:
        names = {"KIT": str(place), "CLASS": str(place), "OUT": str(place), "NAME": "attack"}
        names |= {"PORT": server.getsockname()[1], "SIZE": BOMB_MB << 20}

        def run(name, layers):
            canary = Path(tempfile.mkdtemp(dir=place / "canary"))
            canary.chmod(0o1777)
            (canary / "bait").write_text("bait")
            source = assemble(HERE / "submissions" / f"{name}.py", CANARY=str(canary), **names)
            inputs = encode(((0.0, 1.0, np.array([[3.0]]), np.array([[1.0]])), {}))
            connection = branches[layers].start([])
            try:
                end = time.monotonic() + SECONDS
                load = {"op": "load", "name": "toy", "filename": "toy.py", "source": source}
                assert decode(connection.request(encode(load), end))["kind"] == "loaded", name
                call = {"op": "call", "function": "gradients", "inputs": inputs}
                answer = decode(connection.request(encode(call), end))
            except (WireBroken, WireTimeout, CodecError):
                return False
            finally:
                connection.end()
            return answer.get("value") == (4.0, 12.0)

        branches = {layers: launcher.branch(sorted(layers)) for layers in all_sets()}
        yield run
        for branch in branches.values():
            branch.close()
    launcher.close()
    shutil.rmtree(place)


def all_sets():
    """Return the sets of layers that are looked at: none, all, each alone, all but each."""
    every = frozenset(LAYERS)
    return {frozenset(), every} | {s for x in LAYERS for s in (frozenset({x}), every - {x})}


def test_the_table_is_there_and_names_attacks_and_layers():
    assert len(EXPECTED) >= 20
    for name, (alone, missing) in EXPECTED.items():
        assert (HERE / "submissions" / f"{name}.py").exists()
        assert alone | missing <= set(LAYERS), name


@pytest.mark.parametrize("name", EXPECTED)
def test_all_layers_together_let_nothing_through(attempt, name):
    assert not attempt(name, frozenset(LAYERS))


@pytest.mark.skipif(
    os.geteuid() != 0, reason="the table is that of workers with users of their own"
)
@pytest.mark.skipif(landlock.version() < 6, reason="this Landlock knows no signals")
@pytest.mark.parametrize("name", EXPECTED)
def test_each_layer_stops_what_the_table_says(attempt, name):
    assert attempt(name, frozenset()), "without any layer it must get through, or it tests nothing"
    every = frozenset(LAYERS)
    alone = {layer for layer in LAYERS if not attempt(name, frozenset({layer}))}
    missing = {layer for layer in LAYERS if attempt(name, every - {layer})}
    assert (alone, missing) == EXPECTED[name]
