"""Which exceptions count as the one that a contract names: real ones, whatever a class says of itself."""

import pytest

from grader.judge.learner import Learner
from grader.testing.answers import Mismatch

SOURCE = """
import builtins

def named(name, *bases, **names):
    return type(name, bases, names)

class Lying(type):
    def __subclasscheck__(cls, other):
        return True

    def __instancecheck__(cls, other):
        return True

    def __eq__(cls, other):
        return True

    def __hash__(cls):
        return hash(RealValueError)

    @property
    def __mro__(cls):
        return RealValueError.__mro__

    @property
    def __name__(cls):
        return "ValueError"

class Pretending(Exception):
    @property
    def __class__(self):
        return RealValueError

RealValueError = ValueError

class Own(ValueError):
    pass

class Deep(Own, OSError, LookupError):
    pass

class Many(*[named(f"Base{i}", Exception) for i in range(200)], ValueError):
    pass

class ValueError(Exception):
    pass

def fail(kind):
    raise {
        "real": RealValueError,
        "own": Own,
        "several": Deep,
        "behind many": Many,
        "of unicode": UnicodeError,
        "same name": ValueError,
        "same name and module": named("ValueError", Exception, __module__="builtins"),
        "same text everywhere": named(
            "ValueError", BaseException, __module__="builtins", __qualname__="ValueError"
        ),
        "metaclass": Lying("ValueError", (Exception,), {"__module__": "builtins"}),
        "pretending": Pretending,
        "name as base": named("Better", named("ValueError", Exception, __module__="builtins")),
        "type": TypeError,
        "index": IndexError,
        "key": KeyError,
        "lookup": LookupError,
        "group": ExceptionGroup("no", [RealValueError("no")]) if hasattr(builtins, "ExceptionGroup") else KeyError,
    }[kind]

def divide(n):
    return 1 / n

def check(n):
    if n < 1:
        raise ValuError("no")

def give():
    return RealValueError("no")

def exchange():
    builtins.IndexError = named("IndexError", Exception, __module__="builtins")
    raise builtins.IndexError
"""


@pytest.fixture(scope="module")
def learner(fork_launcher, session_factory):
    """The judge's view of a worker with this module."""
    with session_factory(fork_launcher, SOURCE) as session:
        yield Learner(session, "fail")


@pytest.mark.parametrize("kind", ["real", "own", "several", "behind many", "of unicode"])
def test_the_real_class_and_those_below_it_count(learner, kind):
    with learner.raises(ValueError, "it is wrong"):
        learner.fail(kind)


@pytest.mark.parametrize(
    "kind",
    [
        *("same name", "same name and module", "same text everywhere", "metaclass", "pretending"),
        *("name as base", "type", "index", "key", "group"),
    ],
)
def test_no_other_class_counts(learner, kind):
    with (
        pytest.raises(
            Mismatch, match="Expected a ValueError because it is wrong, but got another error"
        ),
        learner.raises(ValueError, "it is wrong"),
    ):
        learner.fail(kind)


@pytest.mark.parametrize(("kind", "asked"), [("key", IndexError), ("lookup", IndexError)])
def test_a_relative_does_not_count(learner, kind, asked):
    with pytest.raises(Mismatch), learner.raises(asked, "it is wrong"):
        learner.fail(kind)
    with learner.raises(LookupError, "it is wrong"):
        learner.fail(kind)


def test_a_class_that_only_has_the_name_is_explained(learner):
    with (
        pytest.raises(Mismatch, match="That class only shares the name ValueError"),
        learner.raises(ValueError, "it is wrong"),
    ):
        learner.fail("same name")


def test_a_class_that_takes_the_place_of_a_built_in_one_does_not_count(
    fork_launcher, session_factory
):
    with session_factory(fork_launcher, SOURCE) as session:
        learner = Learner(session, "exchange")
        with pytest.raises(Mismatch), learner.raises(IndexError, "it is wrong"):
            learner.exchange()


def test_an_error_that_is_returned_is_named(fork_launcher, session_factory):
    with session_factory(fork_launcher, SOURCE) as session:
        learner = Learner(session, "give")
        with (
            pytest.raises(Mismatch, match="write `raise` in place of `return`") as caught,
            learner.raises(ValueError, "it is wrong"),
        ):
            learner.give()
    assert "but got an object of type ValueError" in caught.value.sentence


def test_an_error_behind_a_missing_check_is_not_explained_but_one_in_the_check_is(
    fork_launcher, session_factory
):
    with session_factory(fork_launcher, SOURCE) as session:
        learner = Learner(session, "divide")
        with pytest.raises(Mismatch) as missing, learner.raises(ValueError, "n is 0"):
            learner.divide(0)
        with pytest.raises(Mismatch) as misspelled, learner.raises(ValueError, "n is 0"):
            learner.check(0)
    lines = missing.value.sentence.split("\n")
    assert "divides by zero" not in missing.value.sentence
    assert lines[-1] == "Check the input before this line, and raise the ValueError there."
    assert "Is the name spelled correctly" in misspelled.value.sentence
