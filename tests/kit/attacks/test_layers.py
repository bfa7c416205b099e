"""Each layer of isolation for itself: what it stops alone, and what gets through when it is missing.

The table in docs/isolation.md is what is expected here, so that it cannot say anything else than what is true. It
holds for root and a kernel whose Landlock knows signals; for others there is the test that all layers together
let nothing through.
"""

import os
import re
import sys

import pytest

from grader.course.limits import LAYERS
from grader.sandbox import landlock
from grader.wire.codec import CodecError
from grader.wire.stream import WireBroken, WireTimeout
from tests.kit.attacks.conftest import CALL
from tests.kit.attacks.test_attacks import HERE, ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="isolation needs Linux")

TABLE = (ROOT / "docs" / "isolation.md").read_text("utf-8")
ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)
EXPECTED = {
    name: tuple(frozenset(words.split(", ")) - {"none"} for words in cells)
    for name, *cells in ROW.findall(TABLE)
}


@pytest.fixture(scope="module")
def attempt(workers):
    """Makes an attempt in a worker that has some layers; returns whether it got through."""

    def run(name, layers):
        try:
            with workers(name, layers) as worker:
                assert worker.ask(worker.load)["kind"] == "loaded", name
                return worker.ask(CALL).get("value") == (4.0, 12.0)
        except (WireBroken, WireTimeout, CodecError):
            return False

    return run


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
