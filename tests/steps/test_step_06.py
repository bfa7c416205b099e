"""Step 06: autograd."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader.content.references import (
    TRAINING,
    check_fit,
    check_fit_many,
    check_list_stays,
    check_losses,
    check_points_stay,
    check_python_floats,
    descend,
    line_gradients,
    tutorial_points,
)
from grader.content.shared_probes import points_after
from grader.testing.answers import FLOAT32
from grader.testing.probes import probe
from grader.testing.strategies import exact_rates, numbers, shapes, sizes, tensor_points, tensors

X = torch.tensor([[0.0], [1.0], [3.0]])
Y = torch.tensor([[1.0], [2.0], [5.0]])

# The numbers of the lesson have four digits after the point.
NEAR = 2e-4

rates = exact_rates()


@probe
def copied(result):
    """copy a result, so that later calls cannot change it"""
    if not isinstance(result, (tuple, list)):
        return result
    return [v.detach().clone() if isinstance(v, torch.Tensor) else v for v in result]


@probe
def call_gradients(module, a, b, x, y):
    """make leaves of `a` and `b` and call `loss_gradients`"""
    a = torch.tensor([a], requires_grad=True)
    b = torch.tensor([b], requires_grad=True)
    return module.loss_gradients(a=a, b=b, x=x, y=y)


@probe
def call_gradients_twice(module, a, b, x, y):
    """make leaves of `a` and `b` and call `loss_gradients` twice with the same arguments"""
    a = torch.tensor([a], requires_grad=True)
    b = torch.tensor([b], requires_grad=True)
    first = copied(module.loss_gradients(a=a, b=b, x=x, y=y))
    second = copied(module.loss_gradients(a=a, b=b, x=x, y=y))
    return {"first call": first, "second call": second}


@probe
def look_at_leaves(module, a, b, x, y):
    """make leaves of `a` and `b`, call `loss_gradients`, and look at `a` and `b` afterwards"""
    a = torch.tensor([a], requires_grad=True)
    b = torch.tensor([b], requires_grad=True)
    gradients = copied(module.loss_gradients(a=a, b=b, x=x, y=y))
    return {
        "gradients": gradients,
        "a": a.detach(),
        "b": b.detach(),
        "a requires a gradient": a.requires_grad,
        "b requires a gradient": b.requires_grad,
        "points": points_after(x, y),
    }


@pytest.mark.exercise("loss_gradients", "one point, by hand")
def test_loss_gradients_one_point(learner):
    one, three = torch.tensor([[1.0]]), torch.tensor([[3.0]])
    answer = learner.run(call_gradients, a=0.0, b=1.0, x=three, y=one)
    a_grad, b_grad = answer.parts("a_grad", "b_grad")
    a_grad.is_close(4.0, **FLOAT32)
    b_grad.is_close(12.0, **FLOAT32)


@pytest.mark.exercise("loss_gradients", "the start of the tutorial: -3.1125 and -1.8156")
def test_loss_gradients_tutorial(learner):
    x, y = tutorial_points()
    answer = learner.run(call_gradients, a=0.3367, b=0.1288, x=x, y=y)
    a_grad, b_grad = answer.parts("a_grad", "b_grad")
    a_grad.is_close(-3.1125, atol=NEAR)
    b_grad.is_close(-1.8156, atol=NEAR)


@pytest.mark.exercise("loss_gradients", "a second call gives the same gradients", points=2)
def test_loss_gradients_do_not_add_up(learner):
    _, a_grad, b_grad = line_gradients(0.5, -1.0, X, Y)
    answer = learner.run(call_gradients_twice, a=0.5, b=-1.0, x=X, y=Y)
    for call in ("first call", "second call"):
        first, second = answer.key(call).parts("a_grad", "b_grad")
        first.is_close(a_grad, **FLOAT32)
        second.is_close(b_grad, **FLOAT32)


@pytest.mark.exercise("loss_gradients", "parameters and points do not change")
def test_loss_gradients_keep_parameters(learner):
    answer = learner.run(look_at_leaves, a=0.5, b=-1.0, x=X, y=Y)
    _, *expected = line_gradients(0.5, -1.0, X, Y)
    for part, value in zip(
        answer.key("gradients").parts("a_grad", "b_grad"), expected, strict=True
    ):
        part.is_close(value, **FLOAT32)
    answer.key("a").is_close(torch.tensor([0.5]))
    answer.key("b").is_close(torch.tensor([-1.0]))
    answer.key("a requires a gradient").equals(True)
    answer.key("b requires a gradient").equals(True)
    check_points_stay(answer.key("points"), X, Y)


@pytest.mark.exercise("loss_gradients", "any line on any points: the formula of step 03", points=2)
@given(a=numbers(), b=numbers(), data=tensor_points())
def test_loss_gradients_are_those_of_the_formula(learner, a, b, data):
    x, y = data
    _, a_grad, b_grad = line_gradients(a, b, x, y)
    first, second = learner.run(call_gradients, a=a, b=b, x=x, y=y).parts("a_grad", "b_grad")
    first.is_close(a_grad, **TRAINING)
    second.is_close(b_grad, **TRAINING)


@probe
def call_update(module, values, grads, lr):
    """make a parameter of each of `values`, set its gradient, call `update_`, and look at the same
    parameters again"""
    params = [value.clone().requires_grad_() for value in values]
    for p, grad in zip(params, grads, strict=True):
        p.grad = None if grad is None else grad.clone()
    given = list(params)
    returned = module.update_(params=given, lr=lr)
    same = [id(p) for p in given] == [id(p) for p in params]
    seen = {"returned": returned, "the list holds them still": same}
    for i, p in enumerate(params):
        seen[f"parameter {i}"] = p.detach()
        seen[f"gradient {i}"] = p.grad
        seen[f"parameter {i} is a leaf to train"] = p.is_leaf and p.requires_grad
    return seen


@probe
def call_update_in_a_loop(module, a, b, x, y, lr):
    """make leaves of `a` and `b` and do this three times: compute the loss of the line, call
    `loss.backward()`, call `update_([a, b], lr)`"""
    a = torch.tensor([a], requires_grad=True)
    b = torch.tensor([b], requires_grad=True)
    path = {}
    for i in (1, 2, 3):
        loss = ((a + b * x - y) ** 2).mean()
        loss.backward()
        module.update_(params=[a, b], lr=lr)
        path[f"a after round {i}"] = a.detach().clone()
        path[f"b after round {i}"] = b.detach().clone()
    return path


VALUES = [torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), torch.tensor([0.5, -0.5])]
GRADS = [torch.tensor([[10.0, 0.0, -10.0], [5.0, 5.0, 5.0]]), torch.tensor([1.0, -2.0])]


def check_moved(answer):
    """Check that the parameters made a step with a learning rate of 0.1."""
    first = answer.key("parameter 0")
    first.check(
        not torch.equal(first.tensor(shape=(2, 3)), VALUES[0]),
        "The parameters of the test still hold the old numbers. Change the given tensors in "
        "place; `p = p - ...` makes a new tensor and gives it the name p.",
    )
    first.is_close(torch.tensor([[0.0, 2.0, 4.0], [3.5, 4.5, 5.5]]))
    answer.key("parameter 1").is_close(torch.tensor([0.4, -0.3]))


@pytest.mark.exercise("update_", "two parameters of different shapes, by hand", points=2)
def test_update_two_parameters(learner):
    check_moved(learner.run(call_update, values=VALUES, grads=GRADS, lr=0.1))


@pytest.mark.exercise("update_", "returns None")
def test_update_returns_none(learner):
    answer = learner.run(call_update, values=VALUES, grads=GRADS, lr=0.1)
    check_moved(answer)
    answer.key("returned").is_none()


@pytest.mark.exercise("update_", "clears the gradients")
def test_update_clears_gradients(learner):
    answer = learner.run(call_update, values=VALUES, grads=GRADS, lr=0.1)
    for i in (0, 1):
        grad = answer.key(f"gradient {i}")
        if grad.value is not None:
            cleared = not grad.tensor(finite=False).count_nonzero()
            grad.check(
                cleared,
                "After the update, a gradient is still there: the next one would be added to it. "
                "Clear every gradient after you use it.",
            )


@pytest.mark.exercise("update_", "the parameters are still leaves to train")
def test_update_keeps_leaves(learner):
    answer = learner.run(call_update, values=VALUES, grads=GRADS, lr=0.1)
    check_moved(answer)
    check_list_stays(answer)
    for i in (0, 1):
        answer.check(
            answer.key(f"parameter {i} is a leaf to train").value is True,
            "After the update, a parameter is no longer a leaf that requires a gradient, so it "
            "cannot be trained further. Change its numbers where PyTorch takes no notes.",
        )


@pytest.mark.exercise("update_", "a parameter without a gradient is left alone")
def test_update_skips_missing_gradient(learner):
    answer = learner.run(call_update, values=VALUES, grads=[None, GRADS[1]], lr=0.1)
    answer.key("parameter 0").is_close(VALUES[0])
    answer.key("parameter 1").is_close(torch.tensor([0.4, -0.3]))


@pytest.mark.exercise("update_", "any parameter of any shape")
@given(values=st.one_of(tensors(shapes()), tensors(shapes(), torch.float64)), lr=rates)
def test_update_is_a_step_downhill(learner, values, lr):
    answer = learner.run(call_update, values=[values], grads=[2 * values - 1], lr=lr)
    answer.key("parameter 0").is_close(values - lr * (2 * values - 1))


@pytest.mark.exercise("update_", "three rounds of training end in the right place", points=2)
@given(a=numbers(), b=numbers(), data=tensor_points(), lr=rates)
def test_update_works_in_a_loop(learner, a, b, data, lr):
    x, y = data
    _, path = descend(a, b, x, y, lr, 3)
    answer = learner.run(call_update_in_a_loop, a=a, b=b, x=x, y=y, lr=lr)
    for i, expected in enumerate(path, 1):
        for name, value in zip("ab", expected, strict=True):
            p = answer.key(f"{name} after round {i}")
            p.is_close(value, **TRAINING)


@probe
def call_fit(module, a, b, x, y, lr, n_epochs):
    """make leaves of `a` and `b`, call `fit`, and look at the same leaves again"""
    a = torch.tensor([a], requires_grad=True)
    b = torch.tensor([b], requires_grad=True)
    losses = module.fit(x=x, y=y, a=a, b=b, lr=lr, n_epochs=n_epochs)
    return {
        "losses": losses,
        "a": a.detach(),
        "b": b.detach(),
        "are leaves": a.is_leaf and b.is_leaf,
        "require a gradient": a.requires_grad and b.requires_grad,
        "points": points_after(x, y),
    }


@pytest.mark.exercise("fit", "one epoch on one point, by hand")
def test_fit_one_epoch(learner):
    one, three = torch.tensor([[1.0]]), torch.tensor([[3.0]])
    answer = learner.run(call_fit, a=0.0, b=1.0, x=three, y=one, lr=0.25, n_epochs=1)
    check_losses(answer.key("losses"), [4.0])
    answer.key("a").is_close(torch.tensor([-1.0]))
    answer.key("b").is_close(torch.tensor([-2.0]))


@pytest.mark.exercise("fit", "each loss is a Python float")
def test_fit_gives_python_floats(learner):
    answer = learner.run(call_fit, a=0.5, b=-1.0, x=X, y=Y, lr=0.0625, n_epochs=1)
    losses = answer.key("losses")
    # The errors are -0.5, -2.5 and -7.5.
    check_losses(losses, [62.75 / 3])
    check_python_floats(losses)


@pytest.mark.exercise("fit", "trains the leaves of the caller, in place")
def test_fit_trains_given_leaves(learner):
    answer = learner.run(call_fit, a=0.5, b=-1.0, x=X, y=Y, lr=0.0625, n_epochs=3)
    _, path = descend(0.5, -1.0, X, Y, 0.0625, 3)
    for name, start, end in (("a", 0.5, path[-1][0]), ("b", -1.0, path[-1][1])):
        p = answer.key(name)
        p.check(
            p.scalar() != start,
            f"After fit, the caller's {name} still has its old value {start}. Change the given tensor "
            "in place; a new tensor with the same name is a different tensor.",
        )
        p.is_close(end, **TRAINING)
    answer.check(
        answer.key("are leaves").value is True and answer.key("require a gradient").value is True,
        "After fit, the parameters are no longer leaves that require a gradient.",
    )
    check_points_stay(answer.key("points"), X, Y)


@pytest.mark.exercise("fit", "any line on any points: four epochs", points=3)
@given(a=numbers(), b=numbers(), data=tensor_points(), lr=rates)
def test_fit_is_gradient_descent(learner, a, b, data, lr):
    x, y = data
    answer = learner.run(call_fit, a=a, b=b, x=x, y=y, lr=lr, n_epochs=4)
    check_fit(answer, a, b, x, y, lr, 4)


@pytest.mark.exercise("fit", "the tutorial: 1000 epochs end at 1.0235 and 1.9690")
def test_fit_tutorial(learner):
    x, y = tutorial_points()
    answer = learner.run(call_fit, a=0.3367, b=0.1288, x=x, y=y, lr=0.1, n_epochs=1000)
    losses = answer.key("losses")
    first = losses.numbers(1000)[0]
    losses.check(
        abs(first - 2.7475) < NEAR, f"Expected the first loss to be 2.7475, got {first:.7g}."
    )
    answer.key("a").is_close(1.0235, atol=NEAR)
    answer.key("b").is_close(1.9690, atol=NEAR)


# Four points with two features on the plane 1 + 2 * x0 - 3 * x1.
CORNERS = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
HEIGHTS = torch.tensor([1.0, 3.0, -2.0, 0.0])


@probe
def call_fit_many(module, w, b, x, y, lr, n_epochs):
    """make leaves of `w` and `b`, call `fit_many`, and look at the same leaves again"""
    w = w.clone().requires_grad_()
    b = torch.tensor([b], requires_grad=True)
    losses = module.fit_many(x=x, y=y, w=w, b=b, lr=lr, n_epochs=n_epochs)
    return {
        "losses": losses,
        "w": w.detach(),
        "b": b.detach(),
        "are leaves": w.is_leaf and b.is_leaf,
        "require a gradient": w.requires_grad and b.requires_grad,
        "points": points_after(x, y),
    }


@st.composite
def many_features(draw):
    """Slopes w, and points x and y with a feature for each of them; there are never as many points as features."""
    n, k = draw(st.lists(sizes(1, 6), min_size=2, max_size=2, unique=True))
    return draw(tensors((k,))), draw(tensors((n, k))), draw(tensors((n,)))


@pytest.mark.exercise("fit_many", "two features, one epoch, by hand")
def test_fit_many_one_epoch(learner):
    x, y = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([4.0, -2.0])
    answer = learner.run(call_fit_many, w=torch.zeros(2), b=0.0, x=x, y=y, lr=0.5, n_epochs=1)
    check_losses(answer.key("losses"), [10.0])
    answer.key("w").is_close(torch.tensor([2.0, -1.0]))
    answer.key("b").is_close(torch.tensor([1.0]))


@pytest.mark.exercise("fit_many", "each loss is a Python float")
def test_fit_many_gives_python_floats(learner):
    answer = learner.run(
        call_fit_many, w=torch.zeros(2), b=0.0, x=CORNERS, y=HEIGHTS, lr=0.0625, n_epochs=1
    )
    check_losses(answer.key("losses"), [3.5])
    check_python_floats(answer.key("losses"))


@pytest.mark.exercise("fit_many", "trains the leaves of the caller, in place")
def test_fit_many_trains_given_leaves(learner):
    w = torch.tensor([0.5, -1.0])
    answer = learner.run(call_fit_many, w=w, b=0.25, x=CORNERS, y=HEIGHTS, lr=0.0625, n_epochs=3)
    for name, start in (("w", w), ("b", torch.tensor([0.25]))):
        p = answer.key(name)
        p.check(
            not torch.equal(p.tensor(shape=tuple(start.shape)), start),
            f"After fit_many, the caller's {name} still has its old value. Change the given tensor in place; "
            "a new tensor with the same name is a different tensor.",
        )
    check_fit_many(answer, w, 0.25, CORNERS, HEIGHTS, 0.0625, 3)
    answer.check(
        answer.key("are leaves").value is True and answer.key("require a gradient").value is True,
        "After fit_many, the parameters are no longer leaves that require a gradient.",
    )
    check_points_stay(answer.key("points"), CORNERS, HEIGHTS)


@pytest.mark.exercise("fit_many", "any number of features: four epochs", points=3)
@given(data=many_features(), b=numbers(), lr=st.sampled_from([0.0078125, 0.015625]))
def test_fit_many_is_gradient_descent(learner, data, b, lr):
    w, x, y = data
    answer = learner.run(call_fit_many, w=w, b=b, x=x, y=y, lr=lr, n_epochs=4)
    check_fit_many(answer, w, b, x, y, lr, 4)


@pytest.mark.exercise("fit_many", "100 epochs end at 2, -3 and 1")
def test_fit_many_for_long(learner):
    answer = learner.run(
        call_fit_many, w=torch.zeros(2), b=0.0, x=CORNERS, y=HEIGHTS, lr=0.4, n_epochs=100
    )
    answer.key("losses").numbers(100)
    answer.key("w").is_close(torch.tensor([2.0, -3.0]), atol=NEAR)
    answer.key("b").is_close(torch.tensor([1.0]), atol=NEAR)
