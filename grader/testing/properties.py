"""Properties: generated once, replayed for every submission, shrunk when one fails.

Hypothesis draws the examples of a property once per judge, from a seed that all submissions share.
The property's inner function then runs on copies of these examples for each submission, without
hypothesis. Only if it fails, as the first test of its function, does hypothesis run on the submission
itself, to find a smaller input that fails in the same way.

What a property assumes about its examples is checked as they are drawn: the inner function runs
until it first touches the learner's code, and an example that does not get that far is replaced.
An assumption about an answer is a defect of the test, since it would let a submission choose the
examples that it is judged by.

The search is bounded by a number of tries rather than a clock, so that the same submission gets
the same feedback on any machine.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest

# Ten keeps the wait short. Measured with twenty, over 1,603 failures of wrong modules: the first
# four examples caught 95 %, the first ten caught 99.6 %.
EXAMPLES = 10
SEARCH_TRIES = 100

Example = dict[str, Any]
_NEVER_CHANGED = {type(None), bool, int, float, complex, str, bytes}


class EndOfSearch(BaseException):
    """The tries for finding a smaller counterexample are used up."""


def load_profile() -> None:
    """Make hypothesis work without a clock and without a database.

    Call this before a test file is imported: `@settings(…)` builds on the profile loaded by then.
    """
    from hypothesis import HealthCheck, Phase, settings
    from hypothesis.internal.conjecture import providers

    # Hypothesis also draws constants from the source of loaded modules that lie outside of site-packages. Examples
    # would depend on where the kit lies and on what happens to be imported. Older versions do not do this.
    if hasattr(providers, "_get_local_constants"):
        providers._get_local_constants = lambda: providers._local_constants

    settings.register_profile(
        "torchsteps",
        database=None,
        deadline=None,
        max_examples=EXAMPLES,
        # Phase.explain is left out: it varies the smallest counterexample to explain the failure,
        # which our own sentences do.
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("torchsteps")


class Properties:
    """The examples of all properties of one judge.

    Args:
        seed: the course's secret; each seed draws other examples.
        kind: returns the kind of mistake that an exception shows, or None if a smaller input must
            not be searched for after it.

    Attributes:
        search: whether to search for smaller inputs at all; learners need them, marks do not.
    """

    def __init__(self, seed: str, kind: Callable[[Exception], object]) -> None:
        self._seed = seed
        self._kind = kind
        self.search = True
        self._examples: dict[str, list[Example]] = {}

    def generate(self, item: pytest.Item) -> list[Example]:
        """Return the examples of a property; the first call draws them."""
        if item.nodeid not in self._examples:
            examples: list[Example] = []
            assumptions = _assumptions(item)

            def take(**values: Any) -> None:
                assumptions(values)
                examples.append(values)

            self._drive(item, take)
            if not examples:
                # A test of nothing must not pass.
                raise RuntimeError("no example was drawn for this property")
            self._examples[item.nodeid] = examples
        return self._examples[item.nodeid]

    def run(
        self,
        item: pytest.Item,
        fixtures: dict[str, Any],
        aside: AbstractContextManager[None],
        first: bool,
    ) -> None:
        """Run a property on a submission.

        Args:
            item: the property.
            fixtures: the fixtures that pytest passes to it, by name.
            aside: entered during the search for a smaller input.
            first: whether no other test of its function has failed. Only then is a smaller input searched for: one
                mistake often fails ten tests, learners read about the first, and a search takes longer than all.

        Raises:
            Exception: what the inner function raised, for the smallest input that was found.
        """
        inner = _inner(item)
        for example in self._lazily(item):
            try:
                # A copy, so that what a test changes in place does not reach the next test.
                inner(**fixtures, **_copy(example))
            except Exception as error:
                if not self.search or self._kind(error) is None:
                    raise
                with aside:
                    tries = SEARCH_TRIES if first else 0
                    smallest = self._search(item, fixtures, example, error, tries)
                raise smallest from None

    def _lazily(self, item: pytest.Item) -> Iterator[Example]:
        """Yield the examples, drawing all but the first only once they are asked for.

        The test of a function that is not written yet ends at its first example, and drawing the
        rest would take longer than everything else.
        """
        if item.nodeid in self._examples:
            yield from self._examples[item.nodeid]
            return
        first: list[Example] = []
        assumptions = _assumptions(item)

        def take(**values: Any) -> None:
            assumptions(values)
            first.append(values)
            raise EndOfSearch

        with contextlib.suppress(EndOfSearch):
            self._drive(item, take)
        yield from first
        yield from self.generate(item)[len(first) :]

    def _search(
        self,
        item: pytest.Item,
        fixtures: dict[str, Any],
        example: Example,
        first: Exception,
        most: int,
    ) -> Exception:
        """Return the failure of a smaller input, or that of this example if there is none.

        Only a failure of the same kind counts, because the message must describe the mistake that
        was found; an input that fails in another way is treated as passing. A defect of the test
        or a crash ends the search.

        Args:
            item: the property.
            fixtures: the fixtures that pytest passes to it, by name.
            example: the example that failed.
            first: how it failed.
            most: how many inputs may be tried, besides the examples.
        """
        from hypothesis.errors import UnsatisfiedAssumption

        inner, kind = _inner(item), self._kind(first)
        tries, smallest = 0, first

        def attempt(**values: Any) -> None:
            nonlocal tries, smallest
            tries += 1
            if tries > most:
                raise EndOfSearch
            try:
                inner(**fixtures, **_copy(values))
            except UnsatisfiedAssumption:
                raise
            except Exception as error:
                found = self._kind(error)
                if found is None:
                    raise EndOfSearch from None
                if found == kind:
                    smallest = error
                    raise

        try:
            for one in self.generate(item):
                # The answers to all examples show which relations between numbers hold by chance
                # (see `grader.testing.relations`).
                with contextlib.suppress(Exception):
                    inner(**fixtures, **_copy(one))
            if most:
                self._drive(item, attempt)
            else:
                most = 1
                attempt(**example)
        except (EndOfSearch, Exception):
            return smallest
        except BaseException as stop:
            if isinstance(stop, KeyboardInterrupt):
                raise
            # The function's time ran out; how far the search got depends on the machine.
            return first
        return first

    def _drive(self, item: pytest.Item, body: Callable[..., None]) -> None:
        """Let hypothesis draw values, and call `body` with them."""
        import hypothesis

        test = item.obj  # type: ignore[attr-defined]
        digest = hashlib.sha256(f"{self._seed}:{item.nodeid}".encode()).digest()
        handle = test.hypothesis
        inner = handle.inner_test
        # Hypothesis also passes on the fixtures; the body gets drawn values only.
        names = _fixture_names(item)
        handle.inner_test = lambda **values: body(
            **{name: value for name, value in values.items() if name not in names}
        )
        try:
            hypothesis.seed(int.from_bytes(digest[:8], "little"))(test)(**dict.fromkeys(names))
        finally:
            handle.inner_test = inner


class _Reached(BaseException):
    """The inner function of a property touched a fixture."""


class _Unopened:
    """A stand-in for a fixture such as `learner` that ends the inner function when touched."""

    def __getattribute__(self, name: str) -> Any:
        raise _Reached


def _assumptions(item: pytest.Item) -> Callable[[Example], None]:
    """Return a function that raises UnsatisfiedAssumption for values the property rules out."""
    from hypothesis.errors import UnsatisfiedAssumption

    inner = _inner(item)
    if not _assumes(inner, set()):
        return lambda _: None
    # The values of `pytest.mark.parametrize` are arguments too, and are already known.
    known = item.callspec.params if hasattr(item, "callspec") else {}
    fixtures = {name: known.get(name, _Unopened()) for name in _fixture_names(item)}

    def attempt(values: Example) -> None:
        try:
            inner(**fixtures, **_copy(values))
        except UnsatisfiedAssumption:
            raise
        except (Exception, _Reached):
            # Any other defect of the test shows up when it runs.
            return

    return attempt


def _assumes(function: types.FunctionType, seen: set[types.FunctionType]) -> bool:
    """Return whether a function, or one that it calls by name, mentions `assume` or `reject`."""
    seen.add(function)
    codes, names = [function.__code__], set[str]()
    for code in codes:
        names.update(code.co_names)
        codes += [part for part in code.co_consts if isinstance(part, types.CodeType)]
    if names & {"assume", "reject"}:
        return True
    called = [function.__globals__.get(name) for name in names]
    return any(
        _assumes(one, seen)
        for one in called
        if isinstance(one, types.FunctionType) and one not in seen
    )


def _inner(item: pytest.Item) -> types.FunctionType:
    """Return the function below `@given`."""
    inner: types.FunctionType = item.obj.hypothesis.inner_test  # type: ignore[attr-defined]
    return inner


def is_property(item: pytest.Item) -> bool:
    """Return whether a test is a property."""
    return hasattr(getattr(item, "obj", None), "hypothesis")


def _fixture_names(item: pytest.Item) -> tuple[str, ...]:
    names: tuple[str, ...] = item._fixtureinfo.argnames  # type: ignore[attr-defined]
    return names


def _copy(value: Any) -> Any:
    """Return a copy that shares no memory with the value; faster than `deepcopy` on tensors."""
    kind = type(value)
    if kind in _NEVER_CHANGED:
        return value
    if kind is dict:
        return {key: _copy(item) for key, item in value.items()}
    if kind is tuple or kind is list:
        return kind(map(_copy, value))
    if kind is np.ndarray and value.dtype.kind != "O":
        return value.copy(order="K")
    torch = sys.modules.get("torch")
    if torch and kind is torch.Tensor and value.is_leaf:
        return value.detach().clone().requires_grad_(value.requires_grad)
    return copy.deepcopy(value)
