"""Properties: how hypothesis meets a learner's code.

Hypothesis runs derandomized, so everybody meets the same examples. When an example fails,
hypothesis looks for a smaller one; here that search gets a time limit, since a learner waits for
it.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import pytest

SHRINK_SECONDS = 0.5
EXAMPLES = 20


class EndOfSearch(BaseException):
    """The time for finding a smaller counterexample is over; `error` is the failure of the smallest one."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def load_profile() -> None:
    """Make hypothesis draw the same examples each time, without a clock and without a database.

    This must come before the test files are imported: `@settings(…)` starts from the profile that
        is loaded then.
    """
    from hypothesis import HealthCheck, settings

    settings.register_profile(
        "torchsteps",
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=EXAMPLES,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("torchsteps")


def limit_search(item: pytest.Item) -> None:
    """Put the time limit around a property, if the test is one; called before each run of the test."""
    handle = getattr(getattr(item, "obj", None), "hypothesis", None)
    if handle is None:
        return
    inner = getattr(handle.inner_test, "__wrapped__", handle.inner_test)
    handle.inner_test = _limited(inner)


def _limited(inner: Callable[..., None]) -> Callable[..., None]:
    first = 0.0
    failure: Exception | None = None

    @functools.wraps(inner)
    def run(*args: Any, **kwargs: Any) -> None:
        nonlocal first, failure
        if failure and time.monotonic() > first + SHRINK_SECONDS:
            raise EndOfSearch(failure)
        try:
            inner(*args, **kwargs)
        except Exception as error:
            first = first if failure else time.monotonic()
            failure = error
            raise

    return run
