"""One run of pytest inside the kit's own commands, shut off from the surroundings."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.course.verdicts import TestVerdict

if TYPE_CHECKING:
    from grader.judge.judge import Judge


# Under this name a test's report holds its verdict, as plain data, among pytest's `user_properties`.
VERDICT = "verdict"


class KitError(RuntimeError):
    """The kit itself failed; the message says how."""


class _Problems:
    """A pytest plugin that keeps what went wrong before any test could run, and lets none run then.

    A file of which no test is there, or that wants to be skipped, would make the maximum smaller for everybody.
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
    """A pytest plugin that lends a judge, so that the session reads no course and no submission once more."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge

    def pytest_torchsteps_judge(self) -> Judge:
        return self.judge


def verdict_of(report: Any) -> TestVerdict | None:
    """Return the verdict in a report of pytest's, if there is one."""
    plain = dict(report.user_properties).get(VERDICT)
    return TestVerdict.of(plain) if plain else None


def run_pytest(files: list[str], judge: Judge, plugin: object) -> None:
    """Run test files of the kit, with one more plugin that takes the verdicts.

    Args:
        files: paths relative to the kit's folder.
        judge: what the tests judge with; it is closed afterwards.
        plugin: a pytest plugin.

    Raises:
        KitError: the tests could not be run.
    """
    import pytest

    root = judge.course.root
    missing = [file for file in files if not (root / file).is_file()]
    if missing:
        raise KitError(f"Test files are missing: {', '.join(missing)}.")
    # Nothing from the surroundings takes part: no other plugin, no option of the environment.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    options = ["-c", "pyproject.toml", "--rootdir", ".", "-o", "pythonpath="]
    options += ["-o", "addopts=--import-mode=importlib -p grader.judge.plugin"]
    options += ["-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:logging", "--capture=no"]
    problems = _Problems([root / file for file in files])
    # From there, all paths are relative: pytest gives brackets, "::" and "$" in a path a meaning of their own.
    with contextlib.chdir(root):
        code = pytest.main([*options, *files], plugins=[problems, plugin, _Lending(judge)])
    if code == pytest.ExitCode.INTERRUPTED and not problems.texts:
        raise KeyboardInterrupt
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        problem = "\n".join(problems.texts) or f"pytest ended with code {int(code)}"
        raise KitError(f"The tests could not be run. {problem}")
