"""Step 03, hidden: the line, its loss and its gradients, for any points and any form of parameters.

All references are NumPy formulas in float64. Multiples of 1/4 make short messages; where rounding must
show, the numbers are not exact in binary.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.content.array_probes import array_laid_out
from grader.testing.answers import ALL_FLOAT64
from grader.testing.probes import probe
from grader.testing.strategies import arrays, many_points, numbers, points, sizes

# A difference of two losses, divided by a tiny eps, keeps fewer digits than the formula: losses up to
# 300 are rounded to 6e-14, which eps = 1e-6 makes 3e-8.
DIFFERENCE = {"rtol": 1e-5, "atol": 1e-6}

# Not exact in binary, and up to 40.
reals = st.integers(-1200, 1200).map(lambda k: k / 30)


def parameters(values):
    """Pairs of parameters: Python or NumPy numbers or arrays of shape (1,), from these floats or integers."""
    integers = st.integers(-3, 3)
    in_arrays, whole_arrays = values.map(_in_array), integers.map(_in_array)
    kinds = (values, values.map(np.float64), in_arrays, integers, whole_arrays)
    return st.one_of(*(st.tuples(kind, kind) for kind in kinds), st.tuples(integers, in_arrays))


def _in_array(value):
    return np.array([value])


def columns(low, high, count=2):
    """Several arrays of one shape (n, 1)."""
    return sizes(low, high).flatmap(lambda n: st.tuples(*[arrays((n, 1))] * count))


layouts = st.sampled_from(["column of a table", "every second row"])


# predict


@pytest.mark.exercise("predict", "any numbers, in any form", points=2)
@given(line=parameters(reals), data=many_points())
def test_predict_any_numbers(learner, line, data):
    (a, b), (x, _) = line, data
    answer = learner.predict(a=a, b=b, x=x)
    answer.array(shape=x.shape, dtype=np.float64)
    answer.is_close(a + b * x, **ALL_FLOAT64)


@probe
def predict_in_layout(module, a, b, x, layout):
    "put x into this memory layout and call predict"
    x = array_laid_out(x, layout)
    return {"prediction": module.predict(a, b, x), "x": x}


@pytest.mark.exercise("predict", "any memory layout", points=2)
@given(a=numbers(), b=numbers(), data=columns(1, 9, 1), layout=layouts)
def test_predict_in_any_layout(learner, a, b, data, layout):
    answer = learner.run(predict_in_layout, a=a, b=b, x=data[0], layout=layout)
    answer.key("prediction").is_close(a + b * data[0])
    answer.key("x").is_close(data[0])


# mse


@pytest.mark.exercise("mse", "many points, any numbers", points=3)
@given(data=many_points(), scale=reals)
def test_mse_any_numbers(learner, data, scale):
    y, yhat = scale * data[0], data[1]
    learner.mse(y, yhat).is_close(float(((yhat - y) ** 2).sum() / len(y)), **ALL_FLOAT64)


@pytest.mark.exercise("mse", "errors of opposite sign do not cancel", points=2)
@given(data=columns(1, 8), size=st.integers(1, 40), shift=st.sampled_from([0, 10**6]))
def test_mse_does_not_cancel(learner, data, size, shift):
    # The differences of large numbers are exact, those of their squares are not.
    y = np.concatenate(data) + shift
    error = np.full_like(y, size / 8)
    error[: len(data[0])] *= -1
    learner.mse(y, y + error).is_close(size**2 / 64)
    same = learner.mse(y / 3, y / 3)
    same.check(
        same.scalar() == 0,
        f"Both arrays are equal, so there is no error: expected 0, got {same.scalar()}.",
    )


@pytest.mark.exercise("mse", "a mean: repeating the points changes nothing", points=2)
@given(data=points(1, 6), times=st.integers(2, 5))
def test_mse_of_repeated_points(learner, data, times):
    y, yhat = data
    expected = float(((yhat - y) ** 2).mean())
    learner.mse(np.tile(y, (times, 1)), np.tile(yhat, (times, 1))).is_close(expected)


# gradients


@pytest.mark.exercise("gradients", "the gradient of a", points=3)
@given(a=reals, b=numbers(), data=many_points())
def test_gradient_of_a(learner, a, b, data):
    x, y = data
    a_grad, b_grad = learner.gradients(a=a, b=b, x=x, y=y).parts("a_grad", "b_grad")
    b_grad.scalar()
    a_grad.is_close(float(2 * (a + b * x - y).sum() / len(x)), **ALL_FLOAT64)


@pytest.mark.exercise("gradients", "the gradient of b", points=3)
@given(a=numbers(), b=reals, data=many_points())
def test_gradient_of_b(learner, a, b, data):
    x, y = data
    a_grad, b_grad = learner.gradients(a=a, b=b, x=x, y=y).parts("a_grad", "b_grad")
    a_grad.scalar()
    b_grad.is_close(float(2 * ((a + b * x - y) * x).sum() / len(x)), **ALL_FLOAT64)


@pytest.mark.exercise("gradients", "errors that cancel, but not when multiplied by x", points=2)
@given(a=numbers(), b=numbers(), half=arrays(sizes(1, 6)), tilt=st.integers(1, 12))
def test_gradients_of_mirrored_points(learner, a, b, half, tilt):
    # Every point has a partner at -x, and the errors are tilt * x, so their mean is 0.
    x = np.concatenate([half + 3.25, -(half + 3.25)]).reshape(-1, 1)
    y = a + (b - tilt) * x
    a_grad, b_grad = learner.gradients(a=a, b=b, x=x, y=y).parts("a_grad", "b_grad")
    a_grad.is_close(0.0)
    b_grad.is_close(float(2 * tilt * (x**2).mean()))


@pytest.mark.exercise("gradients", "a mean: repeating the points changes nothing", points=2)
@given(a=numbers(), b=numbers(), data=points(1, 6), times=st.integers(2, 5))
def test_gradients_of_repeated_points(learner, a, b, data, times):
    x, y = data
    error = a + b * x - y
    answer = learner.gradients(a=a, b=b, x=np.tile(x, (times, 1)), y=np.tile(y, (times, 1)))
    a_grad, b_grad = answer.parts("a_grad", "b_grad")
    a_grad.is_close(float(2 * error.mean()))
    b_grad.is_close(float(2 * (error * x).mean()))


@probe
def gradients_in_layout(module, a, b, x, y, layout):
    "put x and y into this memory layout and call gradients"
    x, y = array_laid_out(x, layout), array_laid_out(y, layout)
    return {"gradients": module.gradients(a, b, x, y), "x": x, "y": y}


@pytest.mark.exercise("gradients", "parameters in any form, points in any layout", points=2)
@given(line=parameters(numbers()), data=points(1, 8), layout=layouts)
def test_gradients_in_any_form(learner, line, data, layout):
    (a, b), (x, y) = line, data
    error = a + b * x - y
    answer = learner.run(gradients_in_layout, a=a, b=b, x=x, y=y, layout=layout)
    a_grad, b_grad = answer.key("gradients").parts("a_grad", "b_grad")
    a_grad.is_close(float(2 * error.mean()))
    b_grad.is_close(float(2 * (error * x).mean()))
    answer.key("x").is_close(x)
    answer.key("y").is_close(y)


# numerical_gradients


@pytest.mark.exercise("numerical_gradients", "exact, however large eps is", points=3)
@given(a=numbers(), b=numbers(), data=points(1, 9), eps=st.integers(1, 60).map(lambda k: k / 30))
def test_numerical_gradients_of_any_eps(learner, a, b, data, eps):
    # The loss is a parabola in each parameter, so a central difference of any width is exact.
    x, y = data
    error = a + b * x - y
    answer = learner.numerical_gradients(a=a, b=b, x=x, y=y, eps=eps)
    a_grad, b_grad = answer.parts("a_grad", "b_grad")
    a_grad.is_close(float(2 * error.mean()), **DIFFERENCE)
    b_grad.is_close(float(2 * (error * x).mean()), **DIFFERENCE)


@pytest.mark.exercise("numerical_gradients", "without eps: a small one is used", points=2)
@given(a=numbers(), b=numbers(), data=points(1, 20))
def test_numerical_gradients_of_the_default_eps(learner, a, b, data):
    x, y = data
    error = a + b * x - y
    a_grad, b_grad = learner.numerical_gradients(a=a, b=b, x=x, y=y).parts("a_grad", "b_grad")
    a_grad.is_close(float(2 * error.mean()), **DIFFERENCE)
    b_grad.is_close(float(2 * (error * x).mean()), **DIFFERENCE)


@pytest.mark.exercise("numerical_gradients", "parameters in any form, not changed", points=2)
@given(line=parameters(numbers()), data=points(1, 6), eps=st.sampled_from([1e-4, 0.125, 0.5]))
def test_numerical_gradients_of_any_form(learner, line, data, eps):
    (a, b), (x, y) = line, data
    error = a + b * x - y
    answer = learner.numerical_gradients(a=a, b=b, x=x, y=y, eps=eps)
    a_grad, b_grad = answer.parts("a_grad", "b_grad")
    a_grad.is_close(float(2 * error.mean()), **DIFFERENCE)
    b_grad.is_close(float(2 * (error * x).mean()), **DIFFERENCE)


# update


@pytest.mark.exercise("update", "any numbers", points=3)
@given(a=reals, b=reals, a_grad=reals, b_grad=reals, lr=st.integers(1, 99).map(lambda k: k / 70))
def test_update_any_numbers(learner, a, b, a_grad, b_grad, lr):
    new_a, new_b = learner.update(a=a, b=b, a_grad=a_grad, b_grad=b_grad, lr=lr).parts("a", "b")
    new_a.is_close(a - lr * a_grad, **ALL_FLOAT64)
    new_b.is_close(b - lr * b_grad, **ALL_FLOAT64)


@pytest.mark.exercise("update", "each parameter follows its own gradient", points=2)
@given(a=numbers(), b=numbers(), grad=st.integers(1, 12), lr=st.sampled_from([0.1, 0.3, 1.0]))
def test_update_each_by_its_own_gradient(learner, a, b, grad, lr):
    new_a, new_b = learner.update(a=a, b=b, a_grad=0.0, b_grad=grad, lr=lr).parts("a", "b")
    new_a.is_close(a)
    new_b.is_close(b - lr * grad)
    new_a, new_b = learner.update(a=a, b=b, a_grad=-grad, b_grad=0.0, lr=lr).parts("a", "b")
    new_a.is_close(a + lr * grad)
    new_b.is_close(b)


@pytest.mark.exercise("update", "parameters in any form, not changed", points=2)
@given(
    line=parameters(numbers()),
    grads=st.tuples(numbers(0.25, 3), numbers(-3, -0.25)), lr=st.sampled_from([0.01, 0.25, 0.5]),
)  # fmt: skip
def test_update_of_any_form(learner, line, grads, lr):
    a, b = line
    answer = learner.update(a=a, b=b, a_grad=grads[0], b_grad=np.float64(grads[1]), lr=lr)
    new_a, new_b = answer.parts("a", "b")
    new_a.is_close(float(np.squeeze(a - lr * grads[0])))
    new_b.is_close(float(np.squeeze(b - lr * grads[1])))
