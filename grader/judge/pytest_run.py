"""Runs pytest inside the kit's commands, isolated from the user's plugins and settings."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.course.verdicts import TestVerdict

if TYPE_CHECKING:
    from grader.judge.judge import Judge


# The name under which pytest's `user_properties` of a test's report hold its verdict, as plain data.
VERDICT = "verdict"


class KitError(RuntimeError):
    """The kit itself failed; the message says how."""


class _Problems:
    """A pytest plugin that records collection problems, and stops the session before any test if there are some.

    A test file without tests, or one that is skipped, would silently lower the maximum score.
    """

    def __init__(self, files: list[Path]) -> None:
        self.texts: list[str] = []
        self._files = files

    def pytest_collectreport(self, report: Any) -> None:
        if not report.passed:
            self.texts.append(f"{report.nodeid}: {report.longreprtext[-1000:]}")

    def pytest_collection_finish(self, session: Any) -> None:
        if not self.texts:
            held = {item.path for item in session.items}
            self.texts = [f"{file}: it holds no test" for file in self._files if file not in held]
        if self.texts:
            raise session.Interrupted("the tests cannot be collected")


class _Lending:
    """A pytest plugin that lends a judge, so that the session does not read course and submission again."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge

    def pytest_torchsteps_judge(self) -> Judge:
        return self.judge


def verdict_of(report: Any) -> TestVerdict | None:
    """Return the verdict that a pytest report carries, or None."""
    plain = dict(report.user_properties).get(VERDICT)
    return TestVerdict.of(plain) if plain else None


def run_pytest(files: list[str], judge: Judge, plugin: object) -> None:
    """Run test files of the kit, with one more plugin that collects the verdicts.

    Args:
        files: paths relative to the kit's folder.
        judge: the judge that the tests use; it is closed afterwards.
        plugin: a pytest plugin.

    Raises:
        KitError: the tests could not be run.
    """
    import pytest

    root = judge.course.root
    missing = [file for file in files if not (root / file).is_file()]
    if missing:
        raise KitError(f"Test files are missing: {', '.join(missing)}.")
    # Ignore the user's pytest plugins and options.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    options = ["-c", "pyproject.toml", "--rootdir", ".", "-o", "pythonpath="]
    options += ["-o", "addopts=--import-mode=importlib -p grader.judge.plugin"]
    options += ["-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:logging", "--capture=no"]
    problems = _Problems([root / file for file in files])
    # pytest interprets brackets, "::" and "$" in paths, so use paths relative to the kit's folder.
    with contextlib.chdir(root):
        code = pytest.main([*options, *files], plugins=[problems, plugin, _Lending(judge)])
    if code == pytest.ExitCode.INTERRUPTED and not problems.texts:
        raise KeyboardInterrupt
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        problem = "\n".join(problems.texts) or f"pytest ended with code {int(code)}"
        raise KitError(f"The tests could not be run. {problem}")
