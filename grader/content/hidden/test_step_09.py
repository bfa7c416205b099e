"""Step 09, hidden: losses of any shape and layout, and the gradients that flow back to parameters."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from grader.content.references import check_torchs_loss, huber_losses, is_loss, reduced
from grader.content.shared_probes import leaf, tensor_laid_out, torchs_losses
from grader.testing.probes import probe
from grader.testing.strategies import numbers, shapes, sizes, tensor_points, tensors

REDUCTIONS = ("mean", "sum", "none")
reductions = st.sampled_from(REDUCTIONS)
layouts = st.sampled_from(["plain", "Fortran order", "every second entry"])

# yhat, y and one weight for every entry, all of one shape.
triples = shapes(0, 4).flatmap(lambda shape: tensors((3, *shape)))


def arrived(answer, name):
    """Return the gradient of that name; it must have arrived."""
    grad = answer.key(name)
    grad.check(
        grad.value is not None,
        f"Expected a gradient in {name}, got None. The loss must be a tensor that is still connected "
        "to yhat and y.",
    )
    return grad


@probe
def made(module, function, reduction):
    "the loss function of the learner"
    if function == "mse":
        return lambda yhat, y: module.mse(yhat=yhat, y=y, reduction=reduction)
    loss = module.make_loss(reduction=reduction)
    # A class would make a new object from yhat and y, and compute nothing.
    if isinstance(loss, type) or not callable(loss):
        return None
    return loss


def of_a_function(answer):
    """Return the answer of a probe, after checking that there was a loss function."""
    answer.check(
        answer.value is not None,
        "Expected make_loss to return a loss function that can be called with yhat and y, got "
        "something else: perhaps a class instead of a loss made from it, or nothing.",
    )
    return answer


@probe
def loss_laid_out(module, function, yhat, y, reduction, layouts):
    """lay `yhat` and `y` out in memory as `layouts` says, and compute the loss twice"""
    with torchs_losses(refused=function == "mse") as watch:
        loss = made(module, function, reduction)
        if loss is None:
            return None
        yhat, y = tensor_laid_out(yhat, layouts[0]), tensor_laid_out(y, layouts[1])
        return {"first": loss(yhat, y), "second": loss(yhat, y), "torch's own": watch.called}


@probe
def weighted_gradients(module, function, yhat, y, weight, reduction, layouts):
    """compute the loss of leaves `yhat` and `y`, multiply it by `weight`, call `sum().backward()`, and collect
    both gradients"""
    with torchs_losses(refused=function == "mse"):
        loss = made(module, function, reduction)
        if loss is None:
            return None
        yhat, y = (
            tensor_laid_out(yhat, layouts[0]).detach(),
            tensor_laid_out(y, layouts[1]).detach(),
        )
        yhat.requires_grad_()
        y.requires_grad_()
        result = loss(yhat, y)
        if isinstance(result, torch.Tensor) and result.requires_grad:
            (weight * result).sum().backward()
        return {"yhat.grad": yhat.grad, "y.grad": y.grad}


def check_gradients(answer, yhat, y, weight, reduction):
    """Check both gradients of the weighted loss."""
    if reduction != "none":
        weight = weight.sum()
    expected = weight * 2 * (yhat - y) / (yhat.numel() if reduction == "mean" else 1)
    # The weights of a table of up to 360 entries add up to hundreds.
    arrived(answer, "yhat.grad").is_close(expected, rtol=1e-4, atol=1e-4)
    arrived(answer, "y.grad").is_close(-expected, rtol=1e-4, atol=1e-4)


@probe
def line_gradients(module, function, a, b, x, y, reduction, factor):
    """make leaves of `a` and `b`, compute the loss of yhat = a + b * x and y times `factor`, and call
    `backward()`"""
    with torchs_losses(refused=function == "mse"):
        loss = made(module, function, reduction)
        if loss is None:
            return None
        a, b = leaf(a), leaf(b)
        result = loss(a + b * x, y)
        if isinstance(result, torch.Tensor) and result.requires_grad:
            (factor * result).sum().backward()
        return {"a.grad": a.grad, "b.grad": b.grad}


def check_line(answer, a, b, x, y, reduction, factor):
    """Check the gradients of a line against the formulas of step 03."""
    error = a + b * x - y
    scale = factor * 2 / (len(x) if reduction == "mean" else 1)
    arrived(answer, "a.grad").is_close(torch.tensor([scale * float(error.sum())]))
    arrived(answer, "b.grad").is_close(torch.tensor([scale * float((error * x).sum())]))


@st.composite
def apart(draw):
    """Two different shapes that torch would broadcast, or that hold equally many entries, in any order."""
    n, m = draw(st.lists(st.integers(2, 5), min_size=2, max_size=2, unique=True))
    pair = draw(
        st.sampled_from(
            [
                ((n, 1), (n,)), ((n, 1), (1, n)), ((n, m), (m,)), ((n, m), (m, n)), ((n, m), (n, 1)),
                ((n, m), (1, m)), ((n, m), (n * m,)), ((n,), ()), ((n,), (1,)), ((1, n, m), (n, m)),
                ((n, m), (1, 1)), ((n, m), ()), ((n, m, 1), (n, m)), ((1,), ()), ((1, 1), (1,)),
                ((n,), (m,)), ((n, m), (n, m + 1)),
            ]
        )
    )  # fmt: skip
    return draw(st.permutations(pair))


# mse


@pytest.mark.exercise("mse", "any shape, any memory layout", points=3)
@given(
    both=triples, reduction=reductions, layouts=st.tuples(layouts, layouts),
    offset=st.sampled_from([4096.0, 0.0]),
)  # fmt: skip
def test_mse_of_any_layout(learner, both, reduction, layouts, offset):
    # Errors far smaller than the numbers themselves, which float32 still holds exactly.
    yhat, y = both[0] + offset, both[1] + offset
    answer = learner.run(
        loss_laid_out, function="mse", yhat=yhat, y=y, reduction=reduction, layouts=layouts
    )
    for name in ("first", "second"):
        is_loss(answer.key(name), reduced((yhat - y) ** 2, reduction))


@probe
def default_mse(module, yhat, y):
    "call `mse(yhat, y)`"
    with torchs_losses(refused=True):
        return module.mse(yhat=yhat, y=y)


@pytest.mark.exercise("mse", "the mean, by default", points=2)
@given(both=shapes(2, 3).flatmap(lambda shape: tensors((2, *shape))))
def test_mse_is_the_mean_by_default(learner, both):
    yhat, y = both[0], both[1]
    is_loss(learner.run(default_mse, yhat=yhat, y=y), reduced((yhat - y) ** 2, "mean"))


@pytest.mark.exercise("mse", "larger errors, a larger loss", points=2)
@given(both=shapes(1, 3).flatmap(lambda shape: tensors((2, *shape))), factor=numbers())
def test_mse_grows_with_the_square(learner, both, factor):
    # Errors that are `factor` times as large give a loss that is factor ** 2 times as large.
    yhat, y = both
    expected = factor**2 * reduced((yhat - y) ** 2, "mean")
    is_loss(learner.mse(yhat=factor * yhat, y=factor * y, reduction="mean"), expected)
    is_loss(learner.mse(yhat=factor * y, y=factor * yhat, reduction="mean"), expected)


@pytest.mark.exercise("mse", "the gradient of every entry, for yhat and for y", points=3)
@given(both=triples, reduction=reductions, layouts=st.tuples(layouts, layouts))
def test_mse_gradients(learner, both, reduction, layouts):
    yhat, y, weight = both
    answer = learner.run(
        weighted_gradients, function="mse", yhat=yhat, y=y, weight=weight, reduction=reduction,
        layouts=layouts,
    )  # fmt: skip
    check_gradients(answer, yhat, y, weight, reduction)


@pytest.mark.exercise("mse", "gradients reach the parameters of a line", points=2)
@given(a=numbers(), b=numbers(), data=tensor_points(), reduction=reductions, factor=numbers())
def test_mse_teaches_a_line(learner, a, b, data, reduction, factor):
    x, y = data
    answer = learner.run(
        line_gradients, function="mse", a=a, b=b, x=x, y=y, reduction=reduction, factor=factor
    )
    check_line(answer, a, b, x, y, reduction, factor)


@pytest.mark.exercise("mse", "shapes that only look alike are an error", points=3)
@given(shapes=apart(), reduction=reductions)
def test_mse_refuses_shapes(learner, shapes, reduction):
    first, second = shapes
    learner.mse(yhat=torch.ones(first), y=torch.ones(first), reduction=reduction)
    with learner.raises(ValueError, f"yhat has shape {first} and y has shape {second}"):
        learner.mse(yhat=torch.ones(first), y=torch.ones(second), reduction=reduction)


@pytest.mark.exercise("mse", "words that are similar to a reduction are an error", points=2)
@given(
    word=st.sampled_from(REDUCTIONS),
    change=st.sampled_from(["{}s", " {}", "{} ", "{}_", "the {}"]),
    upper=st.booleans(),
    n=sizes(1, 4),
)
def test_mse_refuses_words(learner, word, change, upper, n):
    learner.mse(yhat=torch.ones(n, 1), y=torch.zeros(n, 1), reduction=word)
    word = change.format(word.upper() if upper else word)
    with learner.raises(ValueError, f'"{word}" is not "mean", "sum" or "none"'):
        learner.mse(yhat=torch.ones(n, 1), y=torch.zeros(n, 1), reduction=word)


@pytest.mark.exercise("mse", "capital letters, or a part of a reduction, are an error", points=1)
def test_mse_refuses_capital_letters(learner):
    learner.mse(yhat=torch.ones(3, 1), y=torch.zeros(3, 1), reduction="mean")
    for word in ("MEAN", "Sum", "None", "me", "um", "n"):
        with learner.raises(ValueError, f'"{word}" is not "mean", "sum" or "none"'):
            learner.mse(yhat=torch.ones(3, 1), y=torch.zeros(3, 1), reduction=word)


# huber


@st.composite
def huber_cases(draw):
    """yhat, y and a delta: errors from a quarter of delta to three times delta, of both signs."""
    delta = draw(st.sampled_from([0.125, 0.5, 1.0, 1.25, 3.0]))
    shape = draw(shapes(0, 2))
    # Whatever is drawn, some errors are on each side of delta, and some are delta itself.
    first = torch.tensor([-3.0, -1.0, -0.75, 0.25, 1.0, 1.5]).reshape(6, *[1] * len(shape))
    error = delta * torch.cat([first.expand(6, *shape), draw(tensors((draw(sizes(1, 3)), *shape)))])
    y = draw(tensors(tuple(error.shape)))
    return y + error, y, delta


@probe
def huber_laid_out(module, yhat, y, delta, layouts):
    """lay `yhat` and `y` out in memory as `layouts` says, and compute the loss twice, while torch's own losses
    raise an error"""
    yhat, y = tensor_laid_out(yhat, layouts[0]), tensor_laid_out(y, layouts[1])
    with torchs_losses(refused=True):
        return [module.huber(yhat=yhat, y=y, delta=delta) for _ in range(2)]


@pytest.mark.exercise("huber", "any errors, any delta, any memory layout", points=3)
@given(case=huber_cases(), layouts=st.tuples(layouts, layouts))
def test_huber_of_any_layout(learner, case, layouts):
    yhat, y, delta = case
    answer = learner.run(huber_laid_out, yhat=yhat, y=y, delta=delta, layouts=layouts)
    for part in answer.parts("the first loss", "the second loss"):
        is_loss(part, float(huber_losses(yhat - y, delta).mean()))


@pytest.mark.exercise("huber", "any shape, even a single number", points=2)
@given(both=shapes(0, 4).flatmap(lambda shape: tensors((2, *shape))), large=st.booleans())
def test_huber_of_any_shape(learner, both, large):
    # All errors are on one side of delta.
    yhat, y = both
    delta = 0.125 if large else 8.0
    expected = float(huber_losses(yhat - y, delta).mean())
    is_loss(learner.huber(yhat=yhat, y=y, delta=delta), expected)


@pytest.mark.exercise("huber", "delta is 1 by default", points=1)
@given(case=huber_cases())
def test_huber_delta_is_one_by_default(learner, case):
    yhat, y, delta = case
    # Errors from -3 to 3, of which some are larger than 1.
    yhat = y + (yhat - y) / delta
    is_loss(learner.huber(yhat=yhat, y=y), float(huber_losses(yhat - y, 1.0).mean()))


@probe
def huber_gradients(module, yhat, y, delta, factor):
    """compute the Huber loss of leaves `yhat` and `y` times `factor`, call `backward()`, and collect both
    gradients"""
    yhat, y = yhat.clone().requires_grad_(), y.clone().requires_grad_()
    loss = module.huber(yhat=yhat, y=y, delta=delta)
    if isinstance(loss, torch.Tensor) and loss.requires_grad:
        (factor * loss).sum().backward()
    return {"yhat.grad": yhat.grad, "y.grad": y.grad}


@pytest.mark.exercise("huber", "the gradient of every entry, for yhat and for y", points=3)
@given(case=huber_cases(), factor=st.sampled_from([-2.0, 0.5, 1.0, 8.0]))
def test_huber_gradients(learner, case, factor):
    yhat, y, delta = case
    answer = learner.run(huber_gradients, yhat=yhat, y=y, delta=delta, factor=factor)
    error = yhat - y
    expected = factor * error.clamp(-delta, delta) / error.numel()
    arrived(answer, "yhat.grad").is_close(expected)
    arrived(answer, "y.grad").is_close(-expected)


@probe
def huber_of_a_line(module, a, b, x, y, delta):
    """make leaves of `a` and `b`, compute the Huber loss of yhat = a + b * x and y, and call `backward()`"""
    a, b = leaf(a), leaf(b)
    loss = module.huber(yhat=a + b * x, y=y, delta=delta)
    if isinstance(loss, torch.Tensor) and loss.requires_grad:
        loss.sum().backward()
    return {"a.grad": a.grad, "b.grad": b.grad}


@pytest.mark.exercise("huber", "gradients reach the parameters of a line", points=2)
@given(a=numbers(), b=numbers(), data=tensor_points(3, 8), far=st.sampled_from([-40.0, 40.0]))
def test_huber_teaches_a_line(learner, a, b, data, far):
    x, y = data
    # The first point is an outlier.
    y = torch.cat([y[:1] + far, y[1:]])
    answer = learner.run(huber_of_a_line, a=a, b=b, x=x, y=y, delta=0.5)
    pull = (a + b * x - y).clamp(-0.5, 0.5)
    arrived(answer, "a.grad").is_close(torch.tensor([float(pull.mean())]))
    arrived(answer, "b.grad").is_close(torch.tensor([float((pull * x).mean())]))


# make_loss


@pytest.mark.exercise("make_loss", "any shape, any memory layout", points=3)
@given(both=triples, reduction=reductions, layouts=st.tuples(layouts, layouts))
def test_make_loss_of_any_layout(learner, both, reduction, layouts):
    yhat, y, _ = both
    answer = of_a_function(
        learner.run(
            loss_laid_out, function="make_loss", yhat=yhat, y=y, reduction=reduction,
            layouts=layouts,
        )
    )  # fmt: skip
    for name in ("first", "second"):
        is_loss(answer.key(name), reduced((yhat - y) ** 2, reduction))
    check_torchs_loss(answer.key("torch's own"))


@pytest.mark.exercise("make_loss", "the gradient of every entry, for yhat and for y", points=2)
@given(both=triples, reduction=reductions, layouts=st.tuples(layouts, layouts))
def test_make_loss_gradients(learner, both, reduction, layouts):
    yhat, y, weight = both
    answer = learner.run(
        weighted_gradients, function="make_loss", yhat=yhat, y=y, weight=weight, reduction=reduction,
        layouts=layouts,
    )  # fmt: skip
    check_gradients(of_a_function(answer), yhat, y, weight, reduction)


@pytest.mark.exercise("make_loss", "gradients reach the parameters of a line", points=2)
@given(a=numbers(), b=numbers(), data=tensor_points(), reduction=reductions, factor=numbers())
def test_make_loss_teaches_a_line(learner, a, b, data, reduction, factor):
    x, y = data
    answer = learner.run(
        line_gradients, function="make_loss", a=a, b=b, x=x, y=y, reduction=reduction, factor=factor
    )
    check_line(of_a_function(answer), a, b, x, y, reduction, factor)


@probe
def losses_in_turn(module, kinds, yhat, y):
    """make one loss for each of `kinds`, and only then call all of them, in reverse order"""
    losses = [module.make_loss(reduction=kind) for kind in kinds]
    if any(isinstance(loss, type) or not callable(loss) for loss in losses):
        return None
    return [loss(yhat, y) for loss in reversed(losses)]


@pytest.mark.exercise("make_loss", "several losses do not disturb each other", points=2)
@given(
    kinds=st.lists(reductions, min_size=2, max_size=4),
    both=shapes(1, 3).flatmap(lambda shape: tensors((2, *shape))),
)
def test_make_loss_several_times(learner, kinds, both):
    yhat, y = both[0], both[1]
    answer = of_a_function(learner.run(losses_in_turn, kinds=kinds, yhat=yhat, y=y))
    labels = [f"the loss with {kind}" for kind in reversed(kinds)]
    for loss, kind in zip(answer.parts(*labels), reversed(kinds), strict=True):
        is_loss(loss, reduced((yhat - y) ** 2, kind))
