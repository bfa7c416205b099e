"""The judge of `check` and `watch`, as these commands see it: a process that says what happens, line by line."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import IO, Any, cast

from grader.judge.order import SIZE, Order
from grader.launch.interpreter import BOOT, PYTHON, ROOT, environment

_KEPT = ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "HYPOTHESIS_STORAGE_DIRECTORY")


def start(order: Order, errors: IO[bytes] | int | None = None) -> subprocess.Popen[bytes]:
    """Start a judge, and give it its order; its standard input stays open.

    Args:
        order: what is to be judged.
        errors: where what it writes to standard error goes; by default, where that of this process goes.
    """
    # Workers inherit it, and with it the seed of hashes; so it must be as for the zygote of `grade`.
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    # In a group of its own, so that Ctrl-C in the terminal does not reach it.
    group: dict[str, Any] = (
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined]
        if sys.platform == "win32"
        else {"start_new_session": True}
    )
    process = subprocess.Popen(
        [*PYTHON, BOOT.format(root=ROOT, module="judge.process", args="")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        env=environment() | kept,
        bufsize=0,
        **group,
    )
    assert process.stdin
    # If it has ended already, its answers say so.
    with contextlib.suppress(OSError):
        data = memoryview(pickle.dumps(order))
        data = memoryview(len(data).to_bytes(SIZE, "little") + data)
        while data:
            data = data[process.stdin.write(data) :]
    return process


def answers(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    """Yield what a judge says, until it has ended."""
    assert process.stdout
    for line in io.BufferedReader(cast(io.RawIOBase, process.stdout)):
        # Half a line of a fork that was ended is nothing.
        with contextlib.suppress(ValueError):
            yield json.loads(line)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a judge; its zygote and its workers end with it, and so does whoever reads its answers."""
    if process.stdin:
        with contextlib.suppress(OSError):
            process.stdin.close()
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
