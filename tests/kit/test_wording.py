"""Wording: how values and differences are put into words for a beginner."""

import numpy as np
import pytest
import torch

from grader.judge.feedback import MAX_MESSAGE, changed_inputs, message, raised
from grader.testing.answers import Call
from grader.testing.wording import MAX_SHOWN, plain, shorten, shown
from grader.wire.codec import Opaque, encode

HUGE = 10**5000


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10**6, [HUGE] * 3, {HUGE: HUGE}, [[[[]]]] * 1000, np.zeros((2,) * 16), np.zeros((3,) * 12, "u1"),
        np.full(1000, 1e300), torch.zeros((2,) * 16), "\ud800\x1b", Opaque("a" * 400, "b" * 400),
        dict.fromkeys(range(10**5)), np.zeros((2, 2), "c16"), np.uint8(3),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_any_value_can_be_shown_briefly(value):
    for words in (shown, plain):
        assert 0 < len(words(value)) < 3 * MAX_SHOWN


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        ((), "the tuple ()"),
        ((3,), "the tuple (3,)"),
        ([1.0, 0.1 + 0.2], "the list [1.0, 0.3]"),
        (list(range(20)), "the list of 20 [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …]"),
        ({"a": [1], 2: None}, "the dict {'a': [1], 2: None}"),
        (np.array([[1.0], [2.5]]), "the array [[1. ], [2.5]] of shape (2, 1) and dtype float64"),
        (np.array(3), "the array 3 of shape () and dtype int64"),
        (torch.tensor([1.5]), "the tensor [1.5] of shape (1,) and dtype float32"),
        (torch.ones(1, dtype=torch.bfloat16), "the tensor [1.] of shape (1,) and dtype bfloat16"),
        (np.float32(2), "the NumPy number 2.0"),
        (True, "the bool True"),
        ("it's", '"it\'s"'),
        (Opaque("Linear", "Linear(1, 1)"), "an object of type Linear: Linear(1, 1)"),
        (-HUGE, "the int -(an integer of 16610 bits)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_are_shown_as_a_learner_would_type_them(value, text):
    assert shown(value) == text


def test_one_small_number_leaves_the_others_readable():
    assert plain(np.array([[1.0], [2.5e-9], [30.0]])) == "[[1], [2.5e-09], [30]]"
    assert plain(torch.tensor([1.0, 1e12])) == "[1, 1e+12]"
    assert plain(np.array([1.0, np.nan])) == "[1., nan]"


def test_a_long_text_is_cut_between_words():
    words = [f"word{number:03}" for number in range(200)]
    begin, _, end = shorten(" ".join(words)).partition(" … ")
    assert {*begin.split(), *end.split()} <= set(words)
    assert shorten("x" * 1000) == f"{'x' * 150} … {'x' * 150}"


def test_the_question_stands_before_the_answer():
    call = Call("fit", (np.array([1.0]),), {"lr": 0.1})
    assert message("It is wrong.", call, ("", 0)) == "`fit([1.], lr=0.1)`\nIt is wrong."
    probe = Call("two_steps", (), {"x": 3}, "make a train step and run it twice")
    first = "The test did this: make a train step and run it twice, with x = 3."
    assert message("It is wrong.", probe, (" \n", 2)) == f"{first}\nIt is wrong."


def test_many_numbers_do_not_hide_the_sentence():
    inputs = {"x": torch.rand(50, 10), "y": np.ones(3), "n": 3}
    first, second = message("No.", Call("f", (), inputs, "run it"), ("", 0)).split("\n")
    assert (
        first
        == "The test did this: run it, with x = a tensor of shape (50, 10), y = [1., 1., 1.], n = 3."
    )
    assert second == "No."


def test_what_was_printed_stands_behind_it_with_its_size():
    assert message("No.", None, ("a\nb\n", 4)) == "No.\nYour code printed: a\nb"
    assert "(the beginning of 999 bytes): a" in message("No.", None, ("a", 999))


def test_a_message_is_the_same_in_each_run_and_can_be_written_to_a_file():
    text = message("<object at 0x7f00deadbeef> \udcff", None, ("", 0))
    assert text == "<object at 0x…> \\udcff"


def test_codes_that_make_words_bold_are_left_out():
    answer = {
        "type": "UnpicklingError",
        "bases": [],
        "message": "a \x1b[1mbold\x1b[0m word",
        "own": False,
    }
    said = raised({**answer, "frames": []}, "step_17_checkpoints.py")
    assert said.startswith("Your code raised UnpicklingError: a bold word.")


def test_no_message_is_long():
    call = Call("f", ("x" * 10**6,) * 100)
    assert len(message("y" * 10**6, call, ("z" * 4000, 10**6))) < MAX_MESSAGE + 10


def test_changed_inputs_are_named_with_both_values():
    call = Call("f", (), {"a": np.array([1.0]), "b": 2})
    after = encode(((), {"a": np.array([3.0]), "b": 2}))
    sentence = changed_inputs(call, after)
    assert "`a` was [1.] and is now [3.]" in sentence and "`b`" not in sentence
    for garbage in (b"", b"\xff", encode(1), encode([1, 2]), encode((1, 2)), encode(((), 3))):
        assert changed_inputs(call, garbage).startswith("Your code changed its inputs")
