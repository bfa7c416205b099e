"""Step 09: losses."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader.content.references import check_torchs_loss, huber_losses, is_loss, reduced
from grader.content.shared_probes import torchs_losses
from grader.testing.probes import probe
from grader.testing.strategies import numbers, shapes, sizes, tensors

YHAT = torch.tensor([[1.0], [2.0], [5.0]])
Y = torch.tensor([[1.0], [4.0], [4.0]])

# Two rows and three columns; the squared errors are 0, 1, 4 and 9, 16, 0.
TABLE_YHAT = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
TABLE_Y = torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 6.0]])
TABLE_SQUARES = torch.tensor([[0.0, 1.0, 4.0], [9.0, 16.0, 0.0]])

REDUCTIONS = ("mean", "sum", "none")
reductions = st.sampled_from(REDUCTIONS)

# Two tensors of the same shape.
pairs = shapes().flatmap(lambda shape: st.tuples(tensors(shape), tensors(shape)))


@probe
def mse_from_scratch(module, yhat, y, reduction):
    "call `mse(yhat, y, reduction)`, while torch's own losses raise an error"
    with torchs_losses(refused=True):
        return module.mse(yhat, y, reduction=reduction)


@probe
def gradients_of_mse(module, yhat, y, reduction):
    "call mse, then backward() on the sum of the result"
    with torchs_losses(refused=True):
        yhat, y = yhat.clone().requires_grad_(), y.clone().requires_grad_()
        loss = module.mse(yhat, y, reduction)
        if isinstance(loss, torch.Tensor) and loss.requires_grad:
            loss.sum().backward()
        return {"yhat.grad": yhat.grad, "y.grad": y.grad}


@probe
def is_function(loss):
    return callable(loss) and not isinstance(loss, type)


@probe
def loss_of_make_loss(module, yhat, y, reduction):
    "loss = make_loss(reduction), then loss(yhat, y)"
    loss = module.make_loss(reduction=reduction)
    if not is_function(loss):
        return {"is_function": False}
    with torchs_losses(refused=False) as watch:
        return {"is_function": True, "loss": loss(yhat, y), "torch's own": watch.called}


@probe
def two_losses(module, yhat, y):
    "make a loss with sum and a loss with mean, then call both"
    first, second = module.make_loss(reduction="sum"), module.make_loss(reduction="mean")
    if not is_function(first) or not is_function(second):
        return {"is_function": False}
    return {"is_function": True, "sum": first(yhat, y), "mean": second(yhat, y)}


@probe
def gradient_of_make_loss(module, yhat, y):
    'loss = make_loss("mean")(yhat, y), then loss.backward()'
    yhat = yhat.clone().requires_grad_()
    loss_function = module.make_loss(reduction="mean")
    if not is_function(loss_function):
        return {"is_function": False}
    loss = loss_function(yhat, y)
    if isinstance(loss, torch.Tensor) and loss.requires_grad:
        loss.backward()
    return {"is_function": True, "yhat.grad": yhat.grad}


def gradient(answer, name):
    """Return the gradient of that name; it must have arrived."""
    grad = answer.key(name)
    grad.check(
        grad.value is not None,
        f"Expected a gradient in {name}, got None. The loss must be a tensor that is still "
        "connected to yhat and y. A Python float or a detached tensor is not connected to them.",
    )
    return grad


def of_a_function(answer):
    """Return the answer of a probe, after checking that make_loss returned a function."""
    answer.check(
        answer.key("is_function").value is True,
        "Expected make_loss to return a loss function that can be called with yhat and y, got "
        "something else: perhaps the class nn.MSELoss itself instead of a loss made from it, or "
        "nothing, because the `return` is missing.",
    )
    return answer


@pytest.mark.exercise("mse", "errors of 0, -2 and 1 give 5/3")
def test_mse_by_hand(learner):
    is_loss(learner.mse(YHAT, Y), 5 / 3)


@pytest.mark.exercise("mse", "the mean over all entries of a table")
def test_mse_mean_of_a_table(learner):
    answer = learner.run(mse_from_scratch, yhat=TABLE_YHAT, y=TABLE_Y, reduction="mean")
    is_loss(answer, 5.0)


@pytest.mark.exercise("mse", "the sum")
def test_mse_sum(learner):
    is_loss(learner.mse(YHAT, Y, reduction="sum"), 5.0)
    answer = learner.run(mse_from_scratch, yhat=TABLE_YHAT, y=TABLE_Y, reduction="sum")
    is_loss(answer, 30.0)


@pytest.mark.exercise("mse", "no reduction: one squared error for every entry")
def test_mse_none(learner):
    answer = learner.run(mse_from_scratch, yhat=TABLE_YHAT, y=TABLE_Y, reduction="none")
    is_loss(answer, TABLE_SQUARES)


@pytest.mark.exercise("mse", "any shape, any reduction", points=2)
@given(pair=pairs, reduction=reductions)
def test_mse_is_the_formula(learner, pair, reduction):
    yhat, y = pair
    answer = learner.run(mse_from_scratch, yhat=yhat, y=y, reduction=reduction)
    is_loss(answer, reduced((yhat - y) ** 2, reduction))


@pytest.mark.exercise("mse", "gradients reach yhat and y", points=2)
def test_mse_gradient_by_hand(learner):
    answer = learner.run(gradients_of_mse, yhat=YHAT, y=Y, reduction="mean")
    expected = torch.tensor([[0.0], [-4 / 3], [2 / 3]])
    gradient(answer, "yhat.grad").is_close(expected)
    gradient(answer, "y.grad").is_close(-expected)


@pytest.mark.exercise("mse", "gradients for every reduction", points=2)
@given(pair=pairs, reduction=reductions)
def test_mse_gradient_is_two_errors(learner, pair, reduction):
    yhat, y = pair
    answer = learner.run(gradients_of_mse, yhat=yhat, y=y, reduction=reduction)
    expected = 2 * (yhat - y)
    if reduction == "mean":
        expected = expected / yhat.numel()
    gradient(answer, "yhat.grad").is_close(expected)


@pytest.mark.exercise("mse", "shapes (3, 1) and (3,) are an error")
def test_mse_refuses_a_column_and_a_row(learner):
    learner.mse(YHAT, Y)
    with learner.raises(ValueError, "yhat has shape (3, 1) and y has shape (3,)"):
        learner.mse(YHAT, Y.squeeze())
    with learner.raises(ValueError, "yhat has shape (3,) and y has shape (3, 1)"):
        learner.mse(YHAT.squeeze(), Y, reduction="none")


@pytest.mark.exercise("mse", "different shapes are an error, for every reduction")
@given(n=sizes(2, 6), m=sizes(1, 6), reduction=reductions)
def test_mse_refuses_different_shapes(learner, n, m, reduction):
    learner.mse(torch.ones(n, 1), torch.ones(n, 1), reduction=reduction)
    with learner.raises(ValueError, f"yhat has shape ({n}, 1) and y has shape (1, {m})"):
        learner.mse(torch.ones(n, 1), torch.ones(1, m), reduction=reduction)


@pytest.mark.exercise("mse", "one number for the whole batch is an error too")
def test_mse_refuses_a_single_number(learner):
    learner.mse(YHAT, Y)
    with learner.raises(ValueError, "yhat has shape (3, 1) and y has shape (1, 1)"):
        learner.mse(YHAT, torch.ones(1, 1))


@pytest.mark.exercise("mse", "an unknown reduction is an error")
def test_mse_refuses_an_unknown_reduction(learner):
    learner.mse(YHAT, Y, reduction="mean")
    for reduction in ("average", "Mean", ""):
        with learner.raises(ValueError, f'"{reduction}" is not "mean", "sum" or "none"'):
            learner.mse(YHAT, Y, reduction=reduction)


@pytest.mark.exercise("mse", "any other word is an error")
@given(reduction=st.text("abcdefgmnosu", max_size=6).filter(lambda word: word not in REDUCTIONS))
def test_mse_refuses_other_words(learner, reduction):
    learner.mse(YHAT, Y, reduction="none")
    with learner.raises(ValueError, f'"{reduction}" is not "mean", "sum" or "none"'):
        learner.mse(YHAT, Y, reduction=reduction)


# Two small errors and two large ones, for delta = 1. Their losses are 0.125, 0.5, 2.5 and 9.5.
ERRORS = torch.tensor([[0.5, -1.0], [3.0, -10.0]])
deltas = st.sampled_from([0.25, 0.5, 1.0, 1.5, 2.0])


@probe
def huber_from_scratch(module, yhat, y, delta):
    "call `huber(yhat, y, delta)`, while torch's own losses raise an error"
    with torchs_losses(refused=True):
        return module.huber(yhat, y, delta=delta)


@probe
def gradients_of_huber(module, yhat, y, delta):
    "call huber, then backward() on the result"
    yhat, y = yhat.clone().requires_grad_(), y.clone().requires_grad_()
    loss = module.huber(yhat, y, delta)
    if isinstance(loss, torch.Tensor) and loss.requires_grad:
        loss.sum().backward()
    return {"yhat.grad": yhat.grad, "y.grad": y.grad}


@st.composite
def huber_errors(draw):
    """A delta, and a table of errors with small ones, large ones and delta itself, of both signs."""
    delta = draw(deltas)
    first = torch.tensor([[-2.5], [-1.0], [-0.5], [0.5], [1.0], [2.5]])
    rest = draw(tensors((draw(sizes(1, 3)), draw(sizes(1, 3)))))
    return delta, delta * torch.cat([first.expand(6, rest.shape[1]), rest])


@pytest.mark.exercise("huber", "small errors: half the square")
def test_huber_of_small_errors(learner):
    # Squares of 0.25, 1 and 0.0625.
    yhat = torch.tensor([[1.5], [1.0], [4.25]])
    answer = learner.huber(yhat, torch.tensor([[1.0], [2.0], [4.0]]), delta=1.0)
    is_loss(answer, (0.25 + 1 + 0.0625) / 2 / 3)
    # For a larger delta, an error of 3 is a small one too.
    is_loss(learner.huber(torch.tensor([3.0]), torch.tensor([0.0]), delta=4.0), 4.5)


@pytest.mark.exercise("huber", "large errors: a straight line")
def test_huber_of_large_errors(learner):
    answer = learner.huber(torch.tensor([4.0, -9.0]), torch.tensor([1.0, 1.0]), delta=1.0)
    is_loss(answer, (2.5 + 9.5) / 2)
    is_loss(learner.huber(torch.tensor([3.0]), torch.tensor([0.0]), delta=0.5), 1.375)


@pytest.mark.exercise("huber", "both kinds in one table, from scratch", points=2)
def test_huber_of_a_table(learner):
    answer = learner.run(huber_from_scratch, yhat=ERRORS + 1, y=torch.ones(2, 2), delta=1.0)
    is_loss(answer, 3.15625)


@pytest.mark.exercise("huber", "delta is 1 by default")
def test_huber_default(learner):
    is_loss(learner.huber(ERRORS, torch.zeros(2, 2)), 3.15625)


@pytest.mark.exercise("huber", "any errors, any delta", points=2)
@given(case=huber_errors(), shift=numbers())
def test_huber_is_the_formula(learner, case, shift):
    delta, error = case
    y = torch.full_like(error, shift)
    answer = learner.run(huber_from_scratch, yhat=y + error, y=y, delta=delta)
    is_loss(answer, float(huber_losses(error, delta).mean()))


@pytest.mark.exercise("huber", "gradients reach yhat and y", points=2)
def test_huber_gradient_by_hand(learner):
    answer = learner.run(gradients_of_huber, yhat=ERRORS, y=torch.zeros(2, 2), delta=2.0)
    expected = torch.tensor([[0.5, -1.0], [2.0, -2.0]]) / 4
    gradient(answer, "yhat.grad").is_close(expected)
    gradient(answer, "y.grad").is_close(-expected)


@pytest.mark.exercise("huber", "no gradient is larger than delta")
@given(case=huber_errors())
def test_huber_gradient_is_cut(learner, case):
    delta, error = case
    answer = learner.run(gradients_of_huber, yhat=error, y=torch.zeros_like(error), delta=delta)
    expected = error.clamp(-delta, delta) / error.numel()
    gradient(answer, "yhat.grad").is_close(expected)


@pytest.mark.exercise("make_loss", "each reduction, by hand")
def test_make_loss_by_hand(learner):
    for reduction in REDUCTIONS:
        answer = learner.run(loss_of_make_loss, yhat=TABLE_YHAT, y=TABLE_Y, reduction=reduction)
        is_loss(of_a_function(answer).key("loss"), reduced(TABLE_SQUARES, reduction))
        check_torchs_loss(answer.key("torch's own"))


@pytest.mark.exercise("make_loss", "any shape, any reduction", points=2)
@given(pair=pairs, reduction=reductions)
def test_make_loss_is_the_formula(learner, pair, reduction):
    yhat, y = pair
    answer = learner.run(loss_of_make_loss, yhat=yhat, y=y, reduction=reduction)
    is_loss(of_a_function(answer).key("loss"), reduced((yhat - y) ** 2, reduction))


@pytest.mark.exercise("make_loss", "two losses do not disturb each other")
def test_make_loss_twice(learner):
    answer = of_a_function(learner.run(two_losses, yhat=TABLE_YHAT, y=TABLE_Y))
    is_loss(answer.key("sum"), 30.0)
    is_loss(answer.key("mean"), 5.0)


@pytest.mark.exercise("make_loss", "gradients reach yhat")
def test_make_loss_gradient(learner):
    answer = of_a_function(learner.run(gradient_of_make_loss, yhat=YHAT, y=Y))
    gradient(answer, "yhat.grad").is_close(torch.tensor([[0.0], [-4 / 3], [2 / 3]]))
