"""What the tests of the kit share: real workers, and small kits in folders of their own."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from grader.course.course import Course, Step
from grader.course.paths import HINTS, RESULTS
from grader.judge.step_session import StepSession
from grader.launch.launchers import DirectLauncher, ForkLauncher, Launcher, SpawnLauncher
from grader.submissions.submission import Submission

ROOT = Path(__file__).resolve().parents[2]
# Far more than anything here needs, on a slow and busy machine too.
OUTER_LIMIT = 300

TOY_TESTS = '''"""Tests of a toy step: `double` and `total`."""

import numpy as np
import pytest
from hypothesis import given

from grader.testing.strategies import numbers

with open(__file__ + ".log", "a") as log:
    log.write("collected\\n")


@pytest.mark.exercise("double", "2 becomes 4", points=2)
def test_double_of_two(learner):
    learner.double(2).is_close(4.0)


@pytest.mark.exercise("double", "any number")
@given(x=numbers())
def test_double_of_any_number(learner, x):
    learner.double(x).is_close(2 * x)


@pytest.mark.exercise("total", "1, 2 and 4")
def test_total_of_three(learner):
    learner.total(np.array([1.0, 2.0, 4.0])).is_close(7.0)
'''

TOY_HINTS = """
double = ["first", "second", "third"]
total = ["one", "two", "three"]
"""

TOY_SOLUTION = '''"""A toy step."""


def double(x):
    """Return twice x."""
    return 2 * x


def total(values):
    """Return the sum of an array."""
    return values.sum()
'''


def clean_environment() -> dict[str, str]:
    """Return the environment without what pytest, and a make around it, set here."""
    ours = ("PYTEST", "COV", "MAKE", "MFLAGS")
    return {k: v for k, v in os.environ.items() if not k.startswith(ours)}


def run_python(
    folder: Path,
    *arguments: str,
    environment: dict[str, str] | None = None,
    limit: float = OUTER_LIMIT,
) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder with these arguments, to its end."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=clean_environment() if environment is None else environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=limit,
        check=False,
    )


def grade_class(folder: Path, out: Path, *options: str, limit: float) -> dict[str, bytes]:
    """Grade a class with the real command; return the bytes of each `results.json` by the submission's name."""
    ran = run_python(
        ROOT, "-m", "grader", "grade", str(folder), "--out", str(out), *options, limit=limit
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return {file.parent.name: file.read_bytes() for file in out.glob(f"*/{RESULTS}")}


def differences(one, other):
    """Return what differs between two rows of results, as sentences."""
    assert sorted(one) == sorted(other)
    found = []
    for name in one:
        if one[name] == other[name]:
            continue
        rows = [[t for s in json.loads(r[name])["steps"] for t in s["tests"]] for r in (one, other)]
        pairs = [f"{a}\n    {b}" for a, b in zip(*rows, strict=True) if a != b]
        found.append(f"{name}:\n    " + "\n    ".join(pairs))
    return found


class Kit:
    """A kit in a folder of its own, driven by real commands.

    Attributes:
        root: the kit's folder.
        modules: names of its step modules, in order.
    """

    def __init__(self, root: Path, modules: Sequence[str]) -> None:
        self.root = root
        self.modules = list(modules)
        (root / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())

    @classmethod
    def toy(cls, root: Path, modules: Sequence[str], seconds: float) -> "Kit":
        """Make a kit whose steps all have the same two functions, and exercises that are right."""
        kit = cls(root, modules)
        (root / "tests" / "steps").mkdir(parents=True)
        (root / HINTS).mkdir(parents=True)
        lines = [f"[limits]\nseconds = {seconds}"]
        for i, module in enumerate(kit.modules):
            points = 101 - len(kit.modules) if i == 0 else 1
            lines.append(f'[[step]]\nmodule = "{module}"\ntitle = "Toy {i}"\npoints = {points}')
            # Importing torch would take longer than all else.
            lines.append('packages = ["numpy"]')
            (root / HINTS / f"step_{module[5:7]}.toml").write_text(TOY_HINTS)
            (root / "tests" / "steps" / f"test_step_{module[5:7]}.py").write_text(TOY_TESTS)
            kit.write(module, TOY_SOLUTION)
        (root / "course.toml").write_text("\n".join(lines))
        return kit

    @classmethod
    def real(cls, root: Path) -> "Kit":
        """Copy this kit's course, its visible tests and its solutions; there are no exercises."""
        course = Course.load(ROOT)
        shutil.copy(ROOT / "course.toml", root)
        for folder in ("solutions", "tests/steps"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / folder, root / folder, ignore=ignored)
        return cls(root, [step.module for step in course.steps])

    @classmethod
    def whole(cls, root: Path) -> "Kit":
        """Copy this kit with the grader, its content, the exercises and other correct modules."""
        kit = cls.real(root)
        for folder in ("grader", "exercises", "tests/styles", "tests/variants"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / folder, root / folder, ignore=ignored)
        return kit

    def set_packages(self, *groups: str) -> None:
        """Let the workers of a toy kit's last step have these package groups loaded."""
        file = self.root / "course.toml"
        before, _, after = file.read_text("utf-8").rpartition('packages = ["numpy"]')
        file.write_text(f"{before}packages = {json.dumps(groups)}{after}", "utf-8")

    def write(self, module: str, source: str | bytes, folder: str = "exercises") -> Path:
        """Write a module of a submission and return its path."""
        path = self.root / folder / f"{module}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source if isinstance(source, bytes) else source.encode())
        return path

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the kit's folder with these arguments, and without what pytest set here."""
        return run_python(self.root, *arguments, environment=self.environment(**environment))

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of a command in this kit."""
        return {**clean_environment(), "PYTHONPATH": str(ROOT), **more}

    def grader(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the grader."""
        return self.run("-m", "grader", *arguments, **environment)

    def pytest(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run pytest."""
        return self.run("-m", "pytest", *arguments)

    def results(self, *arguments: str) -> tuple[subprocess.CompletedProcess[str], bytes]:
        """Run a check; return how it ended, and the bytes of its `results.json`."""
        file = self.root / "results.json"
        ran = self.grader("check", "--json", str(file), *arguments)
        assert file.exists(), ran.stdout + ran.stderr
        data = file.read_bytes()
        file.unlink()
        return ran, data

    def verdicts(self, *arguments: str) -> dict[str, list[dict[str, object]]]:
        """Run a check and return the verdicts on the tests, by the id of the step."""
        _, data = self.results(*arguments)
        return {step["id"]: step["tests"] for step in json.loads(data)["steps"]}

    def collected(self) -> list[str]:
        """Return the ids of the steps whose tests were run since the last time, and forget them."""
        logs = sorted((self.root / "tests" / "steps").glob("*.log"))
        for log in logs:
            log.unlink()
        return [log.name[10:12] for log in logs]


@contextmanager
def closable(folder: Path) -> Iterator[Path]:
    """Make a folder that `close` can take from all writers."""
    folder.mkdir()
    mounted = sys.platform == "linux" and os.geteuid() == 0
    if mounted:
        # Nothing else keeps root out.
        subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", folder], check=True)
        else:
            _set_mode(folder, 0o755)


def close(folder: Path) -> None:
    """Let nobody write to a folder any more, not even root."""
    if os.geteuid() == 0:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
    else:
        _set_mode(folder, 0o555)


def _set_mode(folder: Path, mode: int) -> None:
    folder.chmod(0o755)
    for inside in folder.iterdir():
        if inside.is_dir() and not inside.is_symlink():
            _set_mode(inside, mode)
    folder.chmod(mode)


class Processes:
    """Looks at processes by their numbers; on Linux only."""

    def running(self, pid: int) -> bool:
        """Return whether a process is there and has not ended, be it waited for or not."""
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        return state not in "ZX"

    def wait_until_gone(self, *pids: int) -> None:
        """Wait for processes that are about to end."""
        end = time.monotonic() + OUTER_LIMIT
        while any(map(self.running, pids)):
            assert time.monotonic() < end, "a process is still there"
            time.sleep(0.02)


@pytest.fixture
def processes() -> Processes:
    """A look at processes by their numbers."""
    if sys.platform != "linux":
        pytest.skip("there is no /proc here")
    return Processes()


KitMaker = Callable[..., Kit]


@pytest.fixture(scope="session")
def kit_factory(tmp_path_factory: pytest.TempPathFactory) -> KitMaker:
    """Makes a kit from names of modules."""

    def make(*modules: str, seconds: float = 5) -> Kit:
        return Kit.toy(tmp_path_factory.mktemp("kit"), modules, seconds)

    return make


@pytest.fixture(scope="session")
def real_kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """A copy of this kit, without exercises, for all tests: no test changes its exercises."""
    return Kit.real(tmp_path_factory.mktemp("real"))


@pytest.fixture
def kit(kit_factory: KitMaker) -> Kit:
    """A kit of two steps."""
    return kit_factory("step_00_numbers", "step_01_lines")


@pytest.fixture(scope="session")
def fork_launcher() -> Iterator[Launcher]:
    """The launcher that forks workers, with one zygote for all tests."""
    if sys.platform != "linux":
        pytest.skip("workers are forked on Linux only")
    launcher = ForkLauncher()
    yield launcher
    launcher.close()


@pytest.fixture(scope="session")
def spawn_launcher() -> Launcher:
    """The launcher that spawns workers."""
    return SpawnLauncher()


@pytest.fixture(scope="session")
def direct_launcher() -> Launcher:
    """The launcher that runs the learner's code in this process."""
    return DirectLauncher()


class Counted:
    """A real launcher, and how many workers it started."""

    in_process = False

    def __init__(self, launcher):
        self.launcher = launcher
        self.started = 0

    def start(self, groups):
        self.started += 1
        return self.launcher.start(groups)

    def close(self):
        """Leave the real one open."""


SessionMaker = Callable[..., "contextmanager[StepSession]"]


@pytest.fixture(scope="session")
def session_factory(tmp_path_factory: pytest.TempPathFactory) -> SessionMaker:
    """Opens a session with a worker that runs a module with this source."""

    @contextmanager
    def open_session(
        launcher: Launcher, source: str, seconds: float = 60.0
    ) -> Iterator[StepSession]:
        folder = tmp_path_factory.mktemp("submission")
        (folder / "step_00_toy.py").write_text(source, "utf-8")
        step = Step("00", "step_00_toy", "Toy", 100, seconds, ())
        submission = Submission("toy", folder, {step.module: source.encode()}, {})
        session = StepSession(submission, step, launcher)
        yield session
        session.close()

    return open_session
