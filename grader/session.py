"""One run of pytest inside the kit's own commands, shut off from the surroundings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from grader.course import Course


class KitError(RuntimeError):
    """The kit itself failed; the message says how."""


class _Problems:
    """A pytest plugin that keeps what went wrong before any test could run."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.texts.append(f"{report.nodeid}: {report.longreprtext[-1000:]}")


def run_pytest(course: Course, files: list[str], target: Path, plugin: object) -> None:
    """Run test files of the kit on a submission, with one more plugin that takes the verdicts.

    Args:
        course: the course.
        files: paths relative to the kit's folder.
        target: the submission's folder or zip file.
        plugin: a pytest plugin.

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
    code = pytest.main(options, plugins=[problems, plugin])
    if code == pytest.ExitCode.INTERRUPTED and not problems.texts:
        raise KeyboardInterrupt
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        problem = "\n".join(problems.texts) or f"pytest ended with code {int(code)}"
        raise KitError(f"The tests could not be run. {problem}")
