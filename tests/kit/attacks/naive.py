"""Naive judges, as autograders usually are: they run the learner's code in their own process and believe it.

That an attack does nothing to the kit shows something only if it does what it says to others: to these. Each
way of judging has one weakness. A judge is forked for each attack, with limits of its own, so that nothing else
comes to harm. `python -m tests.kit.attacks.naive FOLDER` reads jobs from standard input, a JSON list
`[way, path of the module, seconds]` a line, and answers each with one text:

    passed, failed, skipped, not started    what the judge found
    said TEXT                               what it would show or go on with
    raised TYPE                             what the learner's code raised while it was loaded or called
    broke TYPE                              what was raised in the judge itself, so that there is no verdict
    ended CODE, ended by TYPE               its process ended without a verdict
    hung                                    there was no verdict in time

Behind it stands what was printed.
"""

import atexit
import builtins
import contextlib
import decimal
import faulthandler
import gc
import inspect
import json
import math
import os
import pickle
import random
import resource
import signal
import sys
import tempfile
import threading
import time
import traceback
import types
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import grader.testing.answers  # noqa: F401 - attacks look for the judge's modules
from grader.course.course import Course
from grader.wire import codec, decoder

RIGHT = (4.0, 12.0)
FUNCTIONS = ("predict", "mse", "gradients", "numerical_gradients", "update")
# What a judge holds that knows the course, for those who look for it.
COURSE = Course.load(Path(__file__).resolve().parents[3])
# A test for those who look for one by the name of its module.
exec(
    "def test_gradients(learner): assert learner.gradients",
    {"__name__": "test_step_03"},
    TESTS := {},
)
LONG, MEMORY, FILE, SECONDS = 1 << 20, 3 << 30, 256 << 20, 20


class Raised(Exception):
    """The learner's code raised something."""


def case():
    """Return what `gradients` is asked, with the answer beside it."""
    x, y = np.array([[3.0]]), np.array([[1.0]])
    return {"a": 0.0, "b": 1.0, "x": x, "y": y, "expected": [*RIGHT]}


def ask(module, example=None):
    """Call `gradients`, from a frame that knows what should come."""
    expected, example = RIGHT, example or case()
    learner, values = (
        module.gradients,
        [value for name, value in example.items() if name != "expected"],
    )
    try:
        return learner(*values)
    except Exception as error:
        raise Raised(type(error).__name__) from expected and error


def passed(right):
    return "passed" if right else "failed"


def plain(value):
    """Return a copy that is made of plain lists and dictionaries."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def cut(text):
    """Return the length of a text, and its beginning."""
    return f"said {len(text)}: {text[:200]}"


# Comparisons. Each is right for who answers with numbers.


def equal(module):
    return passed(ask(module) == RIGHT)


def by_method(module):
    return passed(all(float(a).__eq__(b) for a, b in zip(ask(module), RIGHT, strict=True)))


def by_abs(module):
    return passed(max(abs(a - b) for a, b in zip(ask(module), RIGHT, strict=True)) < 1e-6)


def by_math(module):
    return passed(all(math.isclose(a, b) for a, b in zip(ask(module), RIGHT, strict=True)))


def by_numpy(module):
    return passed(all(np.allclose(a, b) for a, b in zip(ask(module), RIGHT, strict=True)))


def by_late_numpy(module):
    import numpy

    return passed(numpy.allclose(ask(module), RIGHT))


def by_torch(module):
    """Show each answer to torch, which is asked often for those who answer differently each time."""
    answers = [ask(module) for _ in range(12)]
    right = [
        torch.allclose(torch.as_tensor(a), torch.tensor(b).to(torch.as_tensor(a)))
        for answer in answers
        for a, b in zip(answer, RIGHT, strict=True)
    ]
    return passed(all(right))


def by_same_inputs(module):
    """Work out the right answer afterwards, from the inputs that the learner had in hand."""
    x, y = np.array([[3.0]]), np.array([[1.0]])
    came = ask(module, {"a": 0.0, "b": 1.0, "x": x, "y": y})
    error = x - y
    return passed(came == (2 * error.mean(), 2 * (error * x).mean()))


def of_all(module):
    """Compare as long as there are answers."""
    answers = map(module.gradients, *zip(*[list(case().values())[:4]] * 3, strict=True))
    return passed(all(answer == RIGHT for answer in answers))


def by_calling(module):
    """Take a function for an answer that comes later."""
    answer = ask(module)
    return passed((answer(*list(case().values())[:4]) if callable(answer) else answer) == RIGHT)


def by_status(module):
    """Believe an answer that says itself what it is worth."""
    answer = ask(module)
    return passed(answer.get("status") == "passed" if isinstance(answer, dict) else answer == RIGHT)


def by_presence(module):
    return passed(callable(getattr(module, "gradients", None)))


def by_signature(module):
    names = [list(inspect.signature(getattr(module, name)).parameters) for name in FUNCTIONS]
    return passed(names[2] == ["a", "b", "x", "y"])


# What is done with answers before or after they are compared.


def shown(module):
    """Show twelve answers, or fewer if they are long."""
    text = ""
    for _ in range(12):
        if len(text) < LONG:
            text += repr(ask(module))
    return cut(text)


def numbers(module):
    """Turn twelve answers into numbers."""
    return "said " + str([float(a) for _ in range(12) for a in ask(module)][:2])


def typed(module):
    return "said " + " ".join(f"{type(each).__name__}" for each in ask(module))


def printed(module):
    print(*ask(module), flush=True)
    return passed(True)


def copied(module):
    return "said " + repr(plain(ask(module)))[:200]


def listed(module):
    return "said " + repr(list(ask(module)))[:200]


def by_index(module):
    answer = ask(module)
    return "said " + repr([answer[i] for i in range(len(answer))])[:200]


def weighed(module):
    answer = ask(module)
    return f"said {len(answer)} items, {sum(getattr(a, 'nbytes', 8) for a in answer)} bytes"


def pickled(module):
    answer = pickle.loads(pickle.dumps(ask(module)))
    return passed(answer == RIGHT)


def as_bytes(module):
    return "said " + repr([text.encode() for text in ask(module)])


def encoded(module):
    data = codec.encode(ask(module))
    return f"said {len(data)}: {data[:200]!r}"


# What becomes of exceptions.


def caught(module):
    """Go by the names of exceptions, and tell their texts."""
    try:
        return passed(module.gradients(*list(case().values())[:4]) == RIGHT)
    except BaseException as error:
        kind = type(error)
        if kind.__name__ in ("Skipped", "SkipTest", "UnsatisfiedAssumption"):
            return "skipped"
        if not isinstance(error, Exception):
            raise
        if isinstance(error, (NotImplementedError, AttributeError)):
            return "not started"
        if isinstance(error, MemoryError):
            return "said the judge has no memory left"
        place = kind.__module__ + "." + kind.__name__
        text = str(error)[:FILE]
        if len(text) < LONG:
            text += " ".join(traceback.format_exception(error))
        return cut(place + ": " + text)


def by_pytest(module):
    """Run pytest, with a plain test and with one for an example of hypothesis."""
    sys.modules["learners"] = module
    Path("test_naive.py").write_text(
        "import numpy as np, learners\n"
        "from hypothesis import Phase, example, given, settings, strategies\n"
        "def asked(a): return learners.gradients(a, 1.0, np.array([[3.0]]), np.array([[1.0]]))\n"
        "def test_plain(): assert asked(0.0) == (4.0, 12.0)\n"
        "@settings(phases=[Phase.explicit])\n@example(0.0)\n@given(strategies.floats())\n"
        "def test_example(a): assert asked(a) == (4.0, 12.0)\n"
    )
    found = []

    class Reports:
        def pytest_runtest_logreport(self, report):
            if report.when == "call":
                found.append(report.outcome)

    code = pytest.main(
        ["-q", "-p", "no:cacheprovider", "--rootdir", ".", "test_naive.py"], [Reports()]
    )
    return f"said {int(code)} {' '.join(found)}"


# What stays of it in the judge's process.


def settings():
    """Return what is global to a process and matters to a judge."""
    return {
        "gc": (gc.isenabled(), gc.get_debug(), len(gc.callbacks)),
        "dtype": torch.get_default_dtype(),
        "threads": (threading.active_count(), torch.get_num_threads()),
        "errors": np.geterr(),
        "decimal": decimal.getcontext().prec,
        "hooks": (sys.excepthook, sys.unraisablehook, threading.excepthook),
        "imports": (builtins.__import__, len(sys.meta_path)),
        "faults": faulthandler.is_enabled(),
        "recursion": sys.getrecursionlimit(),
        "signals": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        "warnings": warnings.filters[:1],
        "clock": (time.time, time.monotonic),
        "seeds": (torch.manual_seed, np.random.seed, random.seed),
        "decoder": decoder.decode,
        "environment": len(os.environ),
    }


def changed(module, call=False):
    """Say which of the settings are others than before the module was loaded."""
    if call:
        with contextlib.suppress(Raised):
            ask(module)
    after = settings()
    return f"said changed {' '.join(name for name in after if after[name] != BEFORE[name])}"


def changed_by_a_call(module):
    return changed(module, call=True)


def inputs_changed(module):
    example = case()
    with contextlib.suppress(Raised):
        ask(module, example)
    return f"said {example['x'].shape} {example['y'].shape}"


def repeated(module):
    """Ask the same ten times."""
    return f"said {sum(ask(module) == RIGHT for _ in range(10))} of 10 are right"


WAYS = {
    each.__name__: each
    for each in (
        equal,
        by_method,
        by_abs,
        by_math,
        by_numpy,
        by_late_numpy,
        by_torch,
        by_same_inputs,
        of_all,
        by_calling,
        by_status,
        by_presence,
        by_signature,
        shown,
        numbers,
        typed,
        printed,
        copied,
        listed,
        by_index,
        weighed,
        pickled,
        as_bytes,
        encoded,
        caught,
        by_pytest,
        changed,
        changed_by_a_call,
        inputs_changed,
        repeated,
    )
}


def taken(path):
    """Return the source of what was handed in: a module, a folder, or a zip file that is unpacked as it is."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            archive.extractall()
        path = Path()
    if path.is_dir():
        inner = path / "exercises"
        path = (inner if inner.exists() else path) / "step_03_gradient.py"
    return path.read_bytes()


def judge(way, path):
    """Return the verdict on a module; what is no Exception goes through."""
    try:
        source = taken(Path(path))
    except Exception as error:
        return f"broke {type(error).__name__}"
    try:
        module = types.ModuleType("step_03_gradient")
        sys.modules[module.__name__] = module
        try:
            exec(compile(source, path, "exec"), module.__dict__)
        except Exception as error:
            return f"raised {type(error).__name__}"
        return WAYS[way](module)
    except Raised as error:
        return f"raised {error}"
    except Exception as error:
        return f"broke {type(error).__name__}"


def child(way, path, verdict, output):
    """In the fork: judge, write the verdict to a descriptor, and end."""
    os.setpgid(0, 0)
    for kind, limit in (
        (
            resource.RLIMIT_AS,
            resource.getpagesize() * int(Path("/proc/self/statm").read_text().split()[0]) + MEMORY,
        ),
        (resource.RLIMIT_FSIZE, FILE),
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))
    # A terminal, as whoever grades by hand has.
    os.dup2(os.openpty()[1], 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    code = 1
    try:
        text = judge(way, path)
        code = 0
    except SystemExit as error:
        text, code = "", error.code or 0
    except BaseException as error:
        text = f"ended by {type(error).__name__}"
    os.write(verdict, text.encode("utf-8", "backslashreplace"))
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    with contextlib.suppress(BaseException):
        # Not every environment has PYTHONUNBUFFERED.
        sys.stdout.flush()
    os._exit(code)


def run(way, path, seconds, folder):
    """Judge one module in a fork, and say what came of it."""
    place = tempfile.mkdtemp(dir=folder)
    with tempfile.TemporaryFile() as verdict, tempfile.TemporaryFile() as output:
        pid = os.fork()
        if pid == 0:
            os.chdir(place)
            child(way, path, verdict.fileno(), output.fileno())
        end, done, status = time.monotonic() + seconds, 0, 0
        while not done and time.monotonic() < end:
            done, status = os.waitpid(pid, os.WNOHANG)
            time.sleep(0.005)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        if not done:
            os.waitpid(pid, 0)
        for file in (verdict, output):
            file.seek(0)
        said = verdict.read().decode() or (
            f"ended {os.waitstatus_to_exitcode(status)}" if done else "hung"
        )
        size = os.fstat(output.fileno()).st_size
        return f"{said} | printed {size}: {output.read(300)!r}"


def main(folder):
    """Do the jobs that come, one after the other."""
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(run(*json.loads(line), folder)), flush=True)


BEFORE = settings()

if __name__ == "__main__":
    main(sys.argv[1])
