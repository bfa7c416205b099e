"""Answers: each question accepts what it must, and refuses the rest with a sentence for a learner."""

import math

import numpy as np
import pytest
import torch

from grader.testing.answers import Answer, Call, Mismatch
from grader.wire.codec import Opaque

NAN, INF = math.nan, math.inf
HUGE = 10**5000
META = torch.empty(1, device="meta")
FINITE = "expected a finite number (not NaN or inf)"
ALL_FINITE = "expected finite numbers (no NaN or inf)"


def answer(value, label=""):
    return Answer(value, Call("f"), label)


def refused(question, *words):
    """Demand a Mismatch whose sentence holds all these words, and return the sentence."""
    with pytest.raises(Mismatch) as caught:
        question()
    sentence = caught.value.sentence
    for word in words:
        assert word in sentence
    assert len(sentence) < 2000
    return sentence


# One number

ONES = [
    1, 1.0, np.float32(1), np.int64(1), np.array(1.0), np.array([[1]]), np.array([1], np.float16),
    torch.tensor(1.0), torch.tensor([[1]]), torch.tensor([1.0], requires_grad=True),
    torch.tensor(1, dtype=torch.bfloat16), torch.tensor(1, dtype=torch.uint16),
]  # fmt: skip
NO_NUMBERS = [
    None, True, np.bool_(True), "1", b"1", [1.0], (1.0,), {1: 1}, 1j, np.array([1, 1]), np.empty(0),
    np.array([True]), np.array(1j), torch.tensor([1.0, 1.0]), torch.empty(0), torch.tensor(True),
    torch.tensor(1j), META, Opaque("float", "1.0"),
]  # fmt: skip
NOT_FINITE = [NAN, INF, -INF, np.float32("nan"), np.array([NAN]), torch.tensor(INF), HUGE, -HUGE]


@pytest.mark.parametrize("value", ONES, ids=repr)
def test_every_form_of_one_number_is_a_scalar(value):
    assert type(answer(value).scalar()) is float
    answer(value).is_close(1.0)
    answer(value).is_close(1)
    answer(value).is_close(np.float64(1))
    refused(lambda: answer(value).is_close(2.0), "Expected 2.0, got 1.0.")


@pytest.mark.parametrize("value", NO_NUMBERS, ids=repr)
def test_what_is_not_one_number_is_no_scalar(value):
    refused(answer(value, "loss").scalar, "loss: expected one number, got ")
    refused(lambda: answer(value).is_close(1.0), "Expected one number, got ")


@pytest.mark.parametrize("value", NOT_FINITE, ids=lambda value: type(value).__name__)
def test_no_scalar_is_infinite_or_not_a_number(value):
    refused(answer(value, "loss").scalar, f"loss: {FINITE}, got the float ")
    for expected in (1.0, NAN, INF, -INF):
        refused(lambda expected=expected: answer(value).is_close(expected))


def test_integers_and_python_floats_are_told_apart():
    assert answer(3).integer() == 3 and answer(np.int32(3)).integer() == 3
    for value in (
        3.0,
        True,
        np.bool_(True),
        np.float64(3),
        np.array(3),
        torch.tensor(3),
        "3",
        None,
    ):
        refused(answer(value, "n").integer, "n: expected an integer, got ")
    assert answer(3.5).python_float() == 3.5
    for value in (3, True, np.float64(3.5), np.array(3.5), torch.tensor(3.5), "3.5", None):
        refused(answer(value, "n").python_float, "n: expected a Python float, got ")
    refused(answer(NAN, "n").python_float, f"n: {FINITE}, got the float nan.")
    refused(answer("x").integer, "Expected an integer, got 'x'.")


# Several numbers


@pytest.mark.parametrize(
    "value",
    [
        [1, 2.0], (1.0, np.float32(2)), [torch.tensor(1.0), np.array([2])], np.array([1.0, 2.0]),
        np.array([[1], [2]]), torch.tensor([1, 2]), torch.tensor([[1.0], [2.0]], requires_grad=True),
        torch.tensor([1, 2], dtype=torch.bfloat16),
    ],
    ids=repr,
)  # fmt: skip
def test_every_list_of_scalars_is_a_list_of_numbers(value):
    assert answer(value).numbers() == [1.0, 2.0]
    assert answer(value).numbers(2) == [1.0, 2.0]
    answer(value).is_close([1.0, 2.0])
    answer(value).is_close((1, 2))
    refused(lambda: answer(value).numbers(3), "Expected a list of 3 numbers, got ")
    refused(lambda: answer(value).is_close([2.0, 1.0]), "Expected [2.0, 1.0], got ")


def test_other_things_are_no_list_of_numbers():
    for value in (
        1.0, None, "12", {0: 1.0}, [1.0, None], [1.0, [2.0]], [True], np.array(1.0), np.ones((2, 2)),
        np.array([True]), torch.tensor(1.0), torch.ones(1, 2), META, torch.tensor([True]), [META],
        np.array([1j]), torch.tensor([1j]),
    ):  # fmt: skip
        refused(answer(value, "losses").numbers, "losses: expected a list of numbers, got ")
    for value in ([1.0, NAN], (INF,), np.array([NAN]), torch.tensor([1.0, INF]), [HUGE]):
        refused(answer(value, "x").numbers, f"x: {ALL_FINITE}, got the ")
    assert answer([]).numbers() == [] and answer(np.empty(0)).numbers() == []
    refused(lambda: answer([]).is_close([1.0]), "Expected a list of 1 number, got the list [].")


def test_millions_of_numbers_are_read_at_once():
    # One by one, each of them would become a tensor of its own.
    assert sum(answer(torch.ones(2_000_000, dtype=torch.uint8)).numbers()) == 2_000_000


# Arrays and tensors

ARRAY = np.array([[1.0], [2.0]])
TENSOR = torch.tensor([[1.0], [2.0]])


def test_arrays_have_the_shape_and_dtype_that_is_asked_for():
    for question in ({}, {"shape": (2, 1)}, {"shape": (None, 1)}, {"dtype": float}):
        assert answer(ARRAY).array(**question) is ARRAY
    words = (
        "x: expected a NumPy array of shape (any, 2), got the array [[1.], [2.]] of shape (2, 1)"
    )
    refused(lambda: answer(ARRAY, "x").array((None, 2)), words)
    refused(lambda: answer(ARRAY).array((2,)), "of shape (2,)")
    refused(
        lambda: answer(ARRAY).array(dtype=np.int64),
        "Expected a NumPy array of dtype int64",
        "dtype float64.",
    )
    for value in (None, 1.0, [1.0], TENSOR, np.float64(1), Opaque("matrix", "[[1.]]")):
        refused(answer(value).array, "Expected a NumPy array, got ")
    holey = np.array([1.0, NAN])
    refused(answer(holey, "x").array, f"x: {ALL_FINITE}, got the array ")
    assert answer(holey).array(finite=False) is holey


def test_tensors_have_the_shape_and_dtype_that_is_asked_for():
    for question in ({}, {"shape": (2, 1)}, {"shape": (2, None)}, {"dtype": torch.float32}):
        assert answer(TENSOR).tensor(**question).equal(TENSOR)
    assert not answer(torch.ones(1, requires_grad=True)).tensor().requires_grad
    refused(
        lambda: answer(TENSOR, "x").tensor((1, 2)), "x: expected a tensor of shape (1, 2), got "
    )
    refused(
        lambda: answer(TENSOR).tensor(dtype=torch.float64),
        "Expected a tensor of dtype float64",
        "float32.",
    )
    refused(answer(META).tensor, "with numbers in it", "on the meta device")
    for value in (None, 1.0, [1.0], ARRAY, Opaque("Parameter", "1")):
        refused(answer(value).tensor, "Expected a tensor, got ")
    refused(answer(torch.tensor([NAN]), "x").tensor, f"x: {ALL_FINITE}, got the tensor ")
    assert answer(torch.tensor([NAN])).tensor(finite=False).isnan().all()


def test_an_array_is_close_to_arrays_of_its_shape_only():
    answer(ARRAY).is_close(ARRAY + 1e-9)
    answer(ARRAY.astype(np.float32)).is_close(ARRAY)
    answer(np.array([[1], [2]])).is_close(ARRAY)
    for value in (
        ARRAY[:, 0],
        ARRAY.T,
        np.empty((0, 1)),
        np.empty(0),
        np.array(1.0),
        TENSOR,
        [1, 2],
    ):
        refused(lambda value=value: answer(value).is_close(ARRAY), "array of shape (2, 1)")
    for value in (ARRAY.astype(bool), ARRAY.astype(complex)):
        refused(
            lambda value=value: answer(value).is_close(ARRAY),
            "a NumPy array of numbers of shape (2, 1), got ",
        )
    refused(lambda: answer(ARRAY).is_close(ARRAY * NAN))
    refused(lambda: answer(ARRAY).is_close(ARRAY * INF))
    refused(lambda: answer(ARRAY * NAN, "x").is_close(ARRAY), f"x: {ALL_FINITE}")
    refused(lambda: answer(np.empty(0)).is_close(ARRAY))


def test_a_tensor_is_close_to_tensors_of_its_shape_and_dtype_only():
    answer(TENSOR).is_close(TENSOR + 1e-6)
    for value in (
        TENSOR[:, 0],
        TENSOR.T,
        torch.empty(0, 1),
        TENSOR.double(),
        TENSOR.int(),
        ARRAY,
        1.0,
    ):
        refused(
            lambda value=value: answer(value).is_close(TENSOR),
            "Expected a tensor of shape (2, 1) and dtype",
        )
    refused(lambda: answer(torch.empty(2, 1, device="meta")).is_close(TENSOR), "on the meta device")
    refused(lambda: answer(TENSOR * NAN, "x").is_close(TENSOR), f"x: {ALL_FINITE}")


def test_tolerances_are_those_of_the_expected_value_or_as_asked():
    answer(1.0 + 1e-7).is_close(1.0)
    refused(lambda: answer(1.0 + 1e-5).is_close(1.0))
    answer(torch.tensor(1.0 + 1e-5)).is_close(torch.tensor(1.0))
    refused(lambda: answer(torch.tensor(1.001)).is_close(torch.tensor(1.0)))
    answer(1.3).is_close(1.0, atol=0.3)
    refused(lambda: answer(1.3).is_close(1.0, rtol=0.2))
    refused(lambda: answer(1e-10).is_close(0.0, atol=0))


def test_numbers_that_differ_in_the_last_digits_are_shown_with_them():
    close = {"rtol": 0, "atol": 1e-12}
    refused(lambda: answer(0.3000000001).is_close(0.3, **close), "Expected 0.3, got 0.3000000001.")


# Parts, and values that are exactly so


def test_parts_items_and_keys_carry_their_names_along():
    first, second = answer((1.0, "x")).parts("a", "b")
    first.is_close(1.0)
    refused(lambda: first.is_close(3.0), "a: expected 3.0, got 1.0.")
    refused(second.scalar, "b: expected one number, got 'x'.")
    nested = answer({"rows": [[1, 2]]}).key("rows").each()[0].parts("x", "y")[1]
    assert nested.value == 2 and nested.label == "rows[0].y"
    refused(
        lambda: answer((1, 2, 3), "all").parts("a", "b"),
        "all: expected a tuple of 2 values (a, b), got ",
    )
    for value in (None, 1.0, "ab", ARRAY, {"a": 1, "b": 2}):
        refused(
            lambda value=value: answer(value).parts("a", "b"),
            "Expected a tuple of 2 values (a, b), got ",
        )
        refused(answer(value).each, "Expected a list or a tuple, got ")
    refused(
        lambda: answer([1]).key("a"), 'Expected a dictionary with the key "a", got the list [1].'
    )
    expected = 'x: expected a dictionary with the key "a", got '
    refused(
        lambda: answer({"b": 1, 2: 3}, "x").key("a"), f'{expected}one with these keys: "b", "2".'
    )
    refused(lambda: answer({}, "x").key("a"), f"{expected}an empty dictionary.")
    refused(lambda: answer(dict.fromkeys(map(str, range(10**5))), "x").key("a"), expected)


EXACT = [
    None, True, 3, "text", b"ab", (1, (2, "x")), [1, 2], {"a": [1]}, np.array([1, 2]), torch.ones(2),
]  # fmt: skip


@pytest.mark.parametrize("index", range(len(EXACT)))
def test_a_value_equals_itself_and_no_other_of_these(index):
    for other, value in enumerate(EXACT):
        if other == index:
            answer(value).equals(EXACT[index])
        else:
            refused(lambda value=value: answer(value, "x").equals(EXACT[index]), "x: expected ")


def test_equal_means_of_one_type_all_the_way_down():
    answer(np.int64(3)).equals(3)
    answer((np.int64(3), "a")).equals((3, "a"))
    for value, expected in [
        (3.0, 3), (1, True), (True, 1), ([1], (1,)), ((1,), [1]), ((1.0,), (1,)), ((1,), (1, 2)), (NAN, NAN),
        (np.array([1]), np.array([1.0])), (np.array([1, 1]), np.array([1])), (np.array([NAN]), np.array([NAN])),
        (torch.ones(1), torch.ones(1).double()), (torch.ones(2), torch.ones(1)), (META, torch.ones(1)),
        ({"a": 1}, {"a": 1, "b": 2}), ({"a": True}, {"a": 1}), (Opaque("int", "3"), 3), (HUGE, 3),
    ]:  # fmt: skip
        refused(lambda value=value, expected=expected: answer(value).equals(expected), "Expected ")


def test_none_and_conditions():
    answer(None).is_none()
    for value in (0, False, [], np.empty(0), Opaque("NoneType", "None")):
        refused(answer(value).is_none, "Expected None (no return value), got ")
    answer(1).check(True, "no")
    refused(lambda: answer(1).check(0, "This is why."), "This is why.")


# What a value says of the slip behind it

SLIPS = {
    "a comma": ((9.0,), "got the tuple (9.0,). A comma at the end of a line makes a tuple"),
    "no call": (Opaque("builtin_function_or_method", "<m>"), "are its parentheses missing?"),
    "a class": (Opaque("type", "<class 'Model'>"), "This is a class, and no object of it"),
    "an error": (Opaque("ValueError", "ValueError('x')"), "write `raise` in place of `return`."),
    "nothing": (None, "got None. Is a `return` missing?"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_that_the_value_shows_is_named(slip):
    value, words = SLIPS[slip]
    refused(answer(value).scalar, words)
    refused(answer(value).tensor, words)
    refused(lambda: answer(value).equals(9), words)


def test_where_a_tuple_is_right_no_comma_is_too_many():
    for question in (
        lambda: answer((1,)).parts("a", "b"),
        lambda: answer((1,)).equals((2,)),
        lambda: answer((1,)).equals((1, 2)),
    ):
        assert "comma" not in refused(question, "tuple")
    assert "comma" not in refused(answer((1, 2)).scalar)


def test_a_part_that_is_none_does_not_lack_a_return():
    # Such as a list for which the code keeps what .append() gives.
    part = answer(([1.0], None)).parts("a", "losses")[1]
    assert "Is a `return`" not in refused(part.numbers, "losses: expected", ".append()")
    probed = Answer(None, Call("f", purpose="train a model and look at .grad"))
    assert "Is a `return`" not in refused(probed.scalar, "got None.", ".grad is None")


def test_an_input_that_came_back_is_named_and_no_factor():
    given, right = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([11.0, 22.0, 33.0])

    def said(value, **inputs):
        answered = Answer(value, Call("f", kwargs=inputs))
        return refused(lambda: answered.is_close(right))

    assert said(given, t=given).endswith("got [1., 2., 3.]. That is `t` as it was given.")
    assert said(given, t=given + 1).endswith("That is 1/11 of what was expected.")
    assert "given" not in said(torch.zeros(3), t=torch.zeros(3))
    for other in (torch.ones(3, 1), META, "text", [1.0, 2.0, 3.0], np.array(["a", "b"])):
        assert "given" not in said(given, t=other)
    positional = Answer(given, Call("f", (3, given)))
    refused(lambda: positional.is_close(right), "That is input 2 as it was given.")


def test_an_object_that_is_no_error_is_not_said_to_be_one():
    for kind in ("Model", "int", "torch.nn.Linear"):
        assert refused(answer(Opaque(kind, "x")).scalar).endswith("x.")
