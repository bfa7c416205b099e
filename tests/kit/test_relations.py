"""Relations between wrong numbers and right ones: said where they explain a whole test, and nowhere else."""

import re

import numpy as np
import pytest
import torch

from grader.testing.answers import Answer, Call, Mismatch
from grader.testing.relations import Comparisons

SIGN, ZERO = "Only the sign is wrong.", "All the numbers are 0."
ROWS, ORDER = "Rows and columns are swapped.", "The numbers are right, but in the wrong order."
ALONE = re.compile(r"\w+: expected \S+, got \S+\.")
NUMBERS = np.array([1.25, 7.0, -3.5])
SQUARE = np.arange(9.0).reshape(3, 3)


def sentences_of(*comparisons, labels=("x",)):
    """Return what a learner reads in a test that goes on after each failed comparison."""
    kept, said = Comparisons(), []
    for i, (got, want) in enumerate(comparisons):
        try:
            Answer(got, Call("f"), labels[i % len(labels)], kept).is_close(want)
        except Mismatch as mismatch:
            said.append(mismatch.sentence)
    return said


def scaled(factor, *numbers):
    return [(factor * number, number) for number in numbers]


@pytest.mark.parametrize(
    ("got", "want", "words"),
    [
        (0 * NUMBERS, NUMBERS, ZERO),
        (-NUMBERS, NUMBERS, SIGN),
        (2 * NUMBERS, NUMBERS, "twice what was expected"),
        (0.5 * NUMBERS, NUMBERS, "half of what was expected"),
        (-2 * NUMBERS, NUMBERS, "-2 times what was expected"),
        (-0.5 * NUMBERS, NUMBERS, "-1/2 of what was expected"),
        (3 * NUMBERS, NUMBERS, "3 times what was expected"),
        (NUMBERS / 80, NUMBERS, "1/80 of what was expected"),
        (SQUARE.T, SQUARE, ROWS),
        (NUMBERS[[2, 0, 1]], NUMBERS, ORDER),
        (torch.tensor([2.0, 4.0, 3.0]), torch.tensor([1.0, 2.0, 1.5]), "twice what"),
        ([2.0, 4.0, 3.0], [1.0, 2.0, 1.5], "twice what"),
    ],
)
def test_one_comparison_of_many_numbers_is_enough(got, want, words):
    (sentence,) = sentences_of((got, want))
    assert sentence.startswith("x: expected ") and words in sentence


@pytest.mark.parametrize("factor", [-1, 2, 0.5, -2, 3, 1 / 80])
def test_a_factor_of_single_numbers_needs_three_of_them(factor):
    first, second, third = sentences_of(*scaled(factor, 1.25, 7.0, -3.5))
    assert ALONE.fullmatch(first) and ALONE.fullmatch(second)
    assert "what was expected" in third or SIGN in third


def test_the_items_of_a_list_count_together():
    *_, last = sentences_of(
        *scaled(2, 1.25, 7.0, -3.5), labels=("losses[0]", "losses[1]", "losses[2]")
    )
    assert "twice" in last
    *_, last = sentences_of(*scaled(2, 1.25, 7.0, -3.5), labels=("a", "b"))
    assert ALONE.fullmatch(last)


@pytest.mark.parametrize(
    "comparisons",
    [
        # A single number, or the same one again, or a tiny one beside it.
        scaled(-1, 4.0),
        scaled(0.5, 1.0),
        scaled(2, 3.0, 3.0, 3.0, 3.0),
        [(np.array([2.0, 2.0, 0.0]), np.array([1.0, 1.0, 0.0]))],
        [(np.array([4.0, 2e-7, 4e-7]), np.array([2.0, 1e-7, 2e-7]))],
        [(np.zeros(1), np.array([3.0]))],
        scaled(0, 1.25, 7.0, -3.5),
        # Near a relation, but not in it.
        [(11.993408, 12.0)],
        [(np.array([11.993408, 5.0]), np.array([12.0, 5.0]))],
        [(np.full((3, 2), 11.993408), np.full((3, 2), 12.0))],
        [(np.array([[0.9998]]), np.array([[1.0]]))],
        [(2.002 * NUMBERS, NUMBERS)],
        [(NUMBERS[[1, 0, 2]] * 1.001, NUMBERS)],
        [(SQUARE.T + 0.01, SQUARE)],
        # Two numbers that changed places can be chance; and many zeros and ones always look mixed.
        [(np.array([1.0, 3.0, 2.0]), np.array([1.0, 2.0, 3.0]))],
        [(np.array([[1.0, 3.0], [2.0, 4.0]]), np.array([[1.0, 2.0], [3.0, 4.0]]))],
        [(np.eye(4)[::-1], np.eye(4))],
        # It holds in the last comparison, but not in all of this part.
        [*scaled(1, 5.0), *scaled(-1, 1.25, 7.0, -3.5)],
        [*scaled(2, 1.25, 7.0, -3.5), *scaled(0.5, 2.0)],
        [(NUMBERS, NUMBERS), (0 * NUMBERS, NUMBERS)],
        [(NUMBERS[[2, 0, 1]] + 1, NUMBERS), (NUMBERS[[2, 0, 1]], NUMBERS)],
        # The expected numbers are 0, or the quotient overflows.
        [(NUMBERS, 0 * NUMBERS)],
        [(1.0, 0.0), (2.0, 0.0), (3.0, 0.0)],
        [(np.array([1e300, 1.0, 2.0]), np.array([1e-300, 1.0, 3.0]))],
    ],
)  # fmt: skip
def test_where_chance_can_do_it_nothing_is_said(comparisons):
    said = sentences_of(*comparisons)
    assert said and said[-1].endswith(".")
    words = (SIGN, ROWS, ZERO, ORDER, "what was expected")
    assert not any(word in said[-1] for word in words), said[-1]


def test_a_large_difference_is_shown_with_its_place():
    (sentence,) = sentences_of((np.arange(10.0) ** 2, np.arange(10.0)))
    assert sentence.endswith(" The largest difference is at [9]: expected 9, got 81.")


def test_very_many_comparisons_are_not_all_kept():
    kept = Comparisons()
    for number in range(1, 1000):
        kept.note("x", np.array(2.0 * number), np.array(1.0 * number))
    assert kept.relation("x") == "That is twice what was expected."
    assert sum(map(len, kept._pairs.values())) < 100
