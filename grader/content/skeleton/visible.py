"""Step XX: TITLE."""

import pytest
import torch
from hypothesis import given

from grader.testing.strategies import numbers, shapes, tensors


# TODO: write the tests that learners see, in the order of the lesson: first what can be computed by hand, then
# properties. Each function needs two or more; CONTRIBUTING.md says how a test is written.
@pytest.mark.exercise("scale", "3 times each number, by hand")
def test_scale_by_hand(learner):
    x = torch.tensor([[1.0, -2.0, 0.5]])
    learner.scale(x, factor=3.0).is_close(torch.tensor([[3.0, -6.0, 1.5]]))


@pytest.mark.exercise("scale", "any numbers, any factor", points=2)
@given(x=tensors(shapes()), factor=numbers())
def test_scale_multiplies(learner, x, factor):
    learner.scale(x, factor=factor).is_close(factor * x)
