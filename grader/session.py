"""One run of pytest inside the kit's own commands, shut off from the surroundings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.course import Course

if TYPE_CHECKING:
    from grader.launch import Launcher


class KitError(RuntimeError):
    """The kit itself failed; the message says how."""


class _Problems:
    """A pytest plugin that keeps what went wrong before any test could run."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.texts.append(f"{report.nodeid}: {report.longreprtext[-1000:]}")


class _Launching:
    """A pytest plugin that lends a launcher."""

    def __init__(self, launcher: Launcher) -> None:
        self.launcher = launcher

    def pytest_torchsteps_launcher(self) -> Launcher:
        return self.launcher


def run_pytest(
    course: Course,
    files: list[str],
    target: Path,
    plugin: object,
    launcher: Launcher | None = None,
) -> None:
    """Run test files of the kit on a submission, with one more plugin that takes the verdicts.

    Args:
        course: the course.
        files: paths relative to the kit's folder.
        target: the submission's folder or zip file.
        plugin: a pytest plugin.
        launcher: what workers are started with, closed afterwards; one of the judge's own if left out.

    Raises:
        KitError: the tests could not be run.
    """
    import pytest

    missing = [file for file in files if not (course.root / file).is_file()]
    if missing:
        raise KitError(f"Test files are missing: {', '.join(missing)}.")
    # Nothing from the surroundings takes part: no other plugin, no option of the environment.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    options = ["-c", str(course.root / "pyproject.toml"), "--rootdir", str(course.root)]
    options += ["-o", "addopts=--import-mode=importlib -p grader.plugin"]
    options += ["-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:logging", "--capture=no"]
    options += ["--submission", str(target.resolve()), *(str(course.root / file) for file in files)]
    problems = _Problems()
    plugins = [problems, plugin, *([_Launching(launcher)] if launcher else [])]
    code = pytest.main(options, plugins=plugins)
    if code == pytest.ExitCode.INTERRUPTED and not problems.texts:
        raise KeyboardInterrupt
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        problem = "\n".join(problems.texts) or f"pytest ended with code {int(code)}"
        raise KitError(f"The tests could not be run. {problem}")
