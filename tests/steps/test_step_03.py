"""Step 03: the gradient formula."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.testing.strategies import learning_rates, numbers, points

X = np.array([[0.0], [1.0], [3.0]])
Y = np.array([[1.0], [2.0], [5.0]])
ONE_X = np.array([[3.0]])
ONE_Y = np.array([[1.0]])

# A difference of two losses, divided by a tiny eps, keeps fewer digits than the formula.
DIFFERENCE = {"rtol": 1e-5, "atol": 1e-6}


# Parameters can be given as integers, too.
KINDS = pytest.mark.parametrize("kind", ["float64", "int64"])


# predict


@pytest.mark.exercise("predict", "three points on a line, by hand")
def test_predict_three_points(learner):
    answer = learner.predict(a=1, b=2, x=X)
    answer.array(shape=(3, 1), dtype=np.float64)
    answer.is_close(np.array([[1.0], [3.0], [7.0]]))


@pytest.mark.exercise("predict", "parameters as arrays of shape (1,)")
@KINDS
def test_predict_parameters_as_arrays(learner, kind):
    answer = learner.predict(a=np.array([1], kind), b=np.array([2], kind), x=X)
    answer.is_close(np.array([[1.0], [3.0], [7.0]]))


@pytest.mark.exercise("predict", "any line on any points", points=2)
@given(a=numbers(), b=numbers(), data=points())
def test_predict_is_the_line(learner, a, b, data):
    x, _ = data
    learner.predict(a=a, b=b, x=x).is_close(a + b * x)


# mse


@pytest.mark.exercise("mse", "one error of -3 gives 9")
def test_mse_of_one_point(learner):
    learner.mse(np.array([[5.0]]), np.array([[2.0]])).is_close(9.0)


@pytest.mark.exercise("mse", "errors of 0, 1 and -2 give 5/3")
def test_mse_by_hand(learner):
    answer = learner.mse(Y, Y + np.array([[0.0], [1.0], [-2.0]]))
    answer.is_close(5 / 3)


@pytest.mark.exercise("mse", "0 when both arrays are equal, however large")
def test_mse_of_equal_arrays(learner):
    y = 1e6 + Y / 3
    answer = learner.mse(y, y.copy())
    answer.check(
        answer.scalar() == 0,
        f"Both arrays are equal, so there is no error: expected 0, got {answer.scalar()}.",
    )
    # The squares of such numbers are too large to subtract exactly; the numbers themselves are not.
    learner.mse(y, y + 0.5).is_close(0.25)


@pytest.mark.exercise("mse", "any two arrays")
@given(data=points())
def test_mse_is_the_mean_of_squared_errors(learner, data):
    y, yhat = data
    expected = sum((one - two) ** 2 for one, two in zip(y.flat, yhat.flat, strict=True)) / len(y)
    learner.mse(y, yhat).is_close(float(expected))


# gradients


@pytest.mark.exercise("gradients", "one point, by hand", points=2)
def test_gradients_one_point(learner):
    # yhat = 0 + 1 * 3, so the error is 3 - 1 = 2.
    answer = learner.gradients(a=0, b=1, x=ONE_X, y=ONE_Y)
    a_grad, b_grad = answer.parts("a_grad", "b_grad")
    a_grad.is_close(4.0)
    b_grad.is_close(12.0)


@pytest.mark.exercise("gradients", "three points, by hand")
def test_gradients_three_points(learner):
    # The errors are -1, -1 and -2; times x they are 0, -1 and -6.
    answer = learner.gradients(a=0, b=1, x=X, y=Y)
    a_grad, b_grad = answer.parts("a_grad", "b_grad")
    a_grad.is_close(-8 / 3)
    b_grad.is_close(-14 / 3)


@pytest.mark.exercise("gradients", "the mean of a product is not the product of the means")
def test_gradients_multiply_before_the_mean(learner):
    # The errors are -1 and 1: their mean is 0, but error times x is 1 for both points.
    x = np.array([[-1.0], [1.0]])
    answer = learner.gradients(a=0.0, b=1.0, x=x, y=np.zeros((2, 1)))
    a_grad, b_grad = answer.parts("a_grad", "b_grad")
    a_grad.is_close(0.0)
    b_grad.is_close(2.0)


@pytest.mark.exercise("gradients", "the numbers of the lesson")
def test_gradients_of_the_lesson(learner):
    # 100 points as in step 02, of which the first 80 shuffled ones are for training.
    generator = np.random.RandomState(42)
    x = generator.rand(100, 1)
    y = 1 + 2 * x + 0.1 * generator.randn(100, 1)
    train = generator.permutation(100)[:80]
    answer = learner.gradients(
        a=np.array([0.49671415]), b=np.array([-0.1382643]), x=x[train], y=y[train]
    )
    a_grad, b_grad = answer.parts("a_grad", "b_grad")
    a_grad.is_close(-3.04481138)
    b_grad.is_close(-1.83375372)


@pytest.mark.exercise("gradients", "any line on any points", points=2)
@given(a=numbers(), b=numbers(), data=points())
def test_gradients_are_the_formula(learner, a, b, data):
    x, y = data
    error = a + b * x - y
    a_grad, b_grad = learner.gradients(a=a, b=b, x=x, y=y).parts("a_grad", "b_grad")
    a_grad.is_close(float(2 * error.mean()))
    b_grad.is_close(float(2 * (error * x).mean()))


# numerical_gradients


@pytest.mark.exercise("numerical_gradients", "one point, by hand")
def test_numerical_gradients_one_point(learner):
    answer = learner.numerical_gradients(a=0, b=1, x=ONE_X, y=ONE_Y)
    a_grad, b_grad = answer.parts("a_grad", "b_grad")
    a_grad.is_close(4.0, **DIFFERENCE)
    b_grad.is_close(12.0, **DIFFERENCE)


@pytest.mark.exercise("numerical_gradients", "both sides count: exact even when eps is large")
def test_numerical_gradients_are_central(learner):
    # The loss is a parabola, and a central difference of a parabola has no error at all.
    # For a: ((2 + 1) ** 2 - (2 - 1) ** 2) / 2 = 4. One side alone would give 9 - 4 = 5.
    answer = learner.numerical_gradients(a=0.0, b=1.0, x=ONE_X, y=ONE_Y, eps=1.0)
    a_grad, b_grad = answer.parts("a_grad", "b_grad")
    a_grad.is_close(4.0, **DIFFERENCE)
    b_grad.is_close(12.0, **DIFFERENCE)


@pytest.mark.exercise("numerical_gradients", "parameters as arrays of shape (1,)")
@KINDS
def test_numerical_gradients_parameters_as_arrays(learner, kind):
    answer = learner.numerical_gradients(a=np.array([0], kind), b=np.array([1], kind), x=X, y=Y)
    a_grad, b_grad = answer.parts("a_grad", "b_grad")
    a_grad.is_close(-8 / 3, **DIFFERENCE)
    b_grad.is_close(-14 / 3, **DIFFERENCE)


@pytest.mark.exercise("numerical_gradients", "any line on any points, any eps", points=2)
@given(a=numbers(), b=numbers(), data=points(), eps=st.sampled_from([1e-6, 1e-3, 0.25, 1.0]))
def test_numerical_gradients_agree_with_the_formula(learner, a, b, data, eps):
    x, y = data
    error = a + b * x - y
    answer = learner.numerical_gradients(a=a, b=b, x=x, y=y, eps=eps)
    a_grad, b_grad = answer.parts("a_grad", "b_grad")
    a_grad.is_close(float(2 * error.mean()), **DIFFERENCE)
    b_grad.is_close(float(2 * (error * x).mean()), **DIFFERENCE)


# update


@pytest.mark.exercise("update", "one step, by hand")
def test_update_by_hand(learner):
    # A positive gradient makes the parameter smaller, a negative one makes it larger.
    a, b = learner.update(a=1, b=2, a_grad=10.0, b_grad=-20.0, lr=0.1).parts("a", "b")
    a.is_close(0.0)
    b.is_close(4.0)


@pytest.mark.exercise("update", "new arrays: the old ones are not changed")
@KINDS
def test_update_of_arrays(learner, kind):
    a, b = np.array([1], kind), np.array([2], kind)
    answer = learner.update(a=a, b=b, a_grad=3.0, b_grad=12.0, lr=0.25)
    a, b = answer.parts("a", "b")
    a.is_close(0.25)
    b.is_close(-1.0)


@pytest.mark.exercise("update", "any parameters, gradients and learning rate")
@given(a=numbers(), b=numbers(), a_grad=numbers(), b_grad=numbers(), lr=learning_rates())
def test_update_goes_against_the_gradient(learner, a, b, a_grad, b_grad, lr):
    new_a, new_b = learner.update(a=a, b=b, a_grad=a_grad, b_grad=b_grad, lr=lr).parts("a", "b")
    new_a.is_close(a - lr * a_grad)
    new_b.is_close(b - lr * b_grad)
