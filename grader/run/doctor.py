"""The doctor: reports what is installed and what works on this machine, by trying it."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from grader.course.places import Places
from grader.launch.launchers import ForkLauncher, LaunchError, pick_launcher
from grader.launch.trial import REQUIRED, available, try_layers
from grader.wire import messages
from grader.wire.decoder import decode

PACKAGES = ("torch", "numpy", "scikit-learn", "pytest", "hypothesis", "rich", "typer")
# What is missing without them.
OPTIONAL = {
    "pytest-xdist": "only `pytest -n` needs it",
    "matplotlib": 'only `show` needs it; to install: python -m pip install "torchsteps[pictures]"',
    "textual-image": "only `show` needs it, for pictures inside of a terminal",
}
_WITHOUT = {
    **dict.fromkeys(REQUIRED, "`grade` needs it"),
    "scratch": "`grade` does without it, but refuses submissions that write to /tmp",
}


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        what: what was examined.
        ok: whether it works; None for mere information.
        text: the result, and what to do if it does not work.
    """

    what: str
    ok: bool | None
    text: str


def examine(places: Places) -> Iterator[Finding]:
    """Yield the findings on this machine, a kit and a workspace, as they come."""
    what = "torchsteps" if places.is_installed else "-r requirements.lock"
    system = f"{platform.system()} {platform.machine()}"
    yield Finding("Python", True, f"{platform.python_version()} on {system}")
    for name in PACKAGES:
        try:
            yield Finding(name, True, version(name))
        except PackageNotFoundError:
            yield Finding(name, False, f"missing; to install: python -m pip install {what}")
    for name, words in OPTIONAL.items():
        try:
            yield Finding(name, None, version(name))
        except PackageNotFoundError:
            yield Finding(name, None, f"not installed; {words}")
    yield Finding("kit", None, str(places.kit))
    none = "none here; `torchsteps init my-course` makes one"
    yield Finding("workspace", None, str(places.workspace or none))
    kinds = ["fork", "spawn"] if sys.platform == "linux" else ["spawn"]
    for kind in kinds:
        yield _worker(kind)
    yield from _isolation()
    yield _devices()


def _worker(kind: str) -> Finding:
    """Start a worker and make it compute something."""
    launcher = pick_launcher(kind)
    start = time.monotonic()
    try:
        connection = launcher.start([])
        source = b"def double(x):\n    return 2 * x\n"
        deadline = time.monotonic() + 10
        connection.request(messages.load("doctor", "doctor.py", source, {}), deadline)
        answer = decode(connection.request(messages.call("double", (21,)), deadline))
        connection.end()
    except LaunchError as error:
        return Finding(f"{kind}ed worker", False, str(error))
    finally:
        launcher.close()
    seconds = time.monotonic() - start
    right = answer.get("value") == 42
    return Finding(f"{kind}ed worker", right, f"works, first answer after {seconds:.1f} s")


def _isolation() -> Iterator[Finding]:
    """Try each layer of the sandbox, which only grading needs."""
    if not available():
        yield Finding("sandbox", None, "needs Linux; learning does without it, grading does not")
        return
    launcher = ForkLauncher()
    try:
        for layer in try_layers(launcher):
            words = ["works"] if layer.works else [f"does not work: {layer.problem}"]
            if not layer.works and layer.name in _WITHOUT:
                words.append(_WITHOUT[layer.name])
            yield Finding(f"sandbox: {layer.name}", None, "; ".join(words))
    except LaunchError as error:
        yield Finding("sandbox", None, f"cannot be tried: {error}")
    finally:
        launcher.close()


def _devices() -> Finding:
    try:
        import torch
    except ImportError:
        return Finding("devices", None, "cannot be listed without torch")
    names = ["cpu"]
    if torch.cuda.is_available():
        names += [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("mps")
    words = ", ".join(names)
    if len(names) > 1:
        words += "; your own programs can use them, tests judge on the CPU, as everywhere"
    return Finding("devices", None, words)
