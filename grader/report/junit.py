"""The results of a class as JUnit XML, in the form that pytest writes, for systems that show test reports.

Each submission is a suite, and each function of a step a test case: a class has a million tests, more than any of
these systems takes. What is not written yet is a failure, as an answer that is missing always is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import IO, Any
from xml.sax.saxutils import escape, quoteattr

from grader.course.marks import Mark
from grader.course.plain_text import visible
from grader.course.verdicts import Status
from grader.report.gradebooks import is_missing


def write_junit(
    file: IO[bytes], marks: Iterable[Mark], results: Callable[[Mark], dict[str, Any] | None]
) -> None:
    """Write the report of a class, one submission after the other, so that it need not fit into memory.

    Args:
        file: where to write.
        marks: the marks, in the order of the suites.
        results: returns the content of a submission's `results.json`, or None if there is none.

    Raises:
        OSError: the file cannot be written.
    """

    def line(text: str) -> None:
        # A name may hold what is no text.
        file.write(text.encode("utf-8", "backslashreplace") + b"\n")

    line('<?xml version="1.0" encoding="utf-8"?>')
    line('<testsuites name="class">')
    for mark in marks:
        cases = list(_cases(mark, results(mark)))
        failures = sum("<failure" in case for case in cases)
        errors = sum("<error" in case for case in cases)
        counts = f'tests="{len(cases)}" failures="{failures}" errors="{errors}" skipped="0"'
        student = mark.student.name or mark.student.id if mark.student else ""
        line(f"<testsuite name={_attribute(mark.submission or student)} {counts}>")
        for case in cases:
            line(case)
        line("</testsuite>")
    line("</testsuites>")


def _cases(mark: Mark, results: dict[str, Any] | None) -> Iterable[str]:
    if is_missing(mark):
        yield _case("submission", "mark", [("failure", "nothing was handed in", "")])
    elif mark.problem or results is None:
        reason = mark.problem or "there is no result"
        yield _case("submission", "mark", [("error", "no final mark", reason)])
    for step in (results or {}).get("steps", ()):
        functions: dict[str, list[dict[str, Any]]] = {}
        for test in step["tests"]:
            functions.setdefault(test["function"], []).append(test)
        for function, tests in functions.items():
            yield _case(f"step_{step['id']}", function, _outcomes(tests))


def _outcomes(tests: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Return what is wrong with a function: the kind of element, its message and its text; at most one."""
    wrong = [test for test in tests if test["status"] != Status.PASSED]
    if not wrong:
        return []
    statuses = {test["status"] for test in wrong}
    kind = "error" if Status.ERROR in statuses else "failure"
    words = "not written yet" if statuses == {Status.NOT_STARTED} else "do not pass"
    text = "\n\n".join(f"{test['title']}: {test['status']}\n{test['message']}" for test in wrong)
    return [(kind, f"{len(wrong)} of {len(tests)} tests {words}", text)]


def _case(classname: str, name: str, outcomes: list[tuple[str, str, str]]) -> str:
    begin = f"<testcase classname={_attribute(classname)} name={_attribute(name)}"
    inside = "".join(
        f"<{kind} message={_attribute(message)}>{escape(_characters(text))}</{kind}>"
        for kind, message, text in outcomes
    )
    return f"{begin}>{inside}</testcase>" if inside else f"{begin}/>"


def _characters(text: str) -> str:
    """Return text without the characters that XML does not allow; they become visible."""
    return visible(text.encode("utf-8", "backslashreplace").decode())


def _attribute(text: str) -> str:
    return quoteattr(_characters(text))
