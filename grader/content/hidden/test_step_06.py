"""Step 06, hidden: autograd against the formulas of step 03, on any points and parameters.

Whether a parameter is still a leaf, and whether its gradient was cleared, shows in the next gradients
and the next steps.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.content.references import (
    TRAINING,
    check_fit,
    check_fit_many,
    check_list_stays,
    check_points_stay,
    check_python_floats,
    line_gradients,
)
from grader.content.shared_probes import (
    leaf,
    parameters_of,
    points_after,
    points_laid_out,
    small_network,
    tensor_laid_out,
)
from grader.testing.answers import ALL_FLOAT64, FLOAT32
from grader.testing.probes import probe
from grader.testing.strategies import (
    exact_rates,
    many_tensor_points,
    numbers,
    shapes,
    sizes,
    tensor_points,
    tensors,
)

rates = exact_rates()
# Most of them are not exact in binary, so that float32 shows where float64 is needed.
steps = st.sampled_from([0.01, 0.1, 0.3, 1.5])
factors = st.sampled_from([-2.0, -0.5, 0.25, 1.0, 3.0])
layouts = st.sampled_from(["plain", "columns of a table"])


@probe
def gradients_of_leaves(a, b, a_factor, b_factor):
    "empty the gradients and see what a loss with known gradients leaves there"
    a.grad = b.grad = None
    loss = (a_factor * a).sum() + (b_factor * b).sum()
    if loss.requires_grad:
        loss.backward()
    return [a.grad, b.grad]


def check_still_leaves(answer, name, a_factor, b_factor):
    """Check that both parameters still receive gradients."""
    parts = answer.key(name).parts("a.grad", "b.grad")
    for part, parameter, factor in zip(parts, "ab", (a_factor, b_factor), strict=True):
        part.check(
            part.value is not None,
            f"After the call, {parameter} no longer receives a gradient: it must stay a leaf that requires "
            "a gradient.",
        )
        part.is_close(torch.tensor([factor]))


# loss_gradients


@probe
def gradients_of_two(module, a, b, first, second, layout):
    """make leaves of `a` and `b` and call `loss_gradients` with the first points, with the second points,
    and with the first points again"""
    a, b = leaf(a), leaf(b)
    found = []
    for x, y in (first, second, first):
        x, y = points_laid_out(x, y, layout)
        result = module.loss_gradients(a=a, b=b, x=x, y=y)
        if isinstance(result, (tuple, list)):
            # Copied, so that a later call cannot change it.
            result = [v.detach().clone() if isinstance(v, torch.Tensor) else v for v in result]
        found.append(result)
    return dict(zip(("first", "second", "first again"), found, strict=True))


@pytest.mark.exercise("loss_gradients", "one set of points after another", points=3)
@given(a=numbers(), b=numbers(), first=tensor_points(), second=many_tensor_points(), layout=layouts)
def test_loss_gradients_of_any_points(learner, a, b, first, second, layout):
    answer = learner.run(gradients_of_two, a=a, b=b, first=first, second=second, layout=layout)
    for name, (x, y) in (("first", first), ("second", second), ("first again", first)):
        _, a_grad, b_grad = line_gradients(a, b, x, y)
        parts = answer.key(name).parts("a_grad", "b_grad")
        for part, expected in zip(parts, (a_grad, b_grad), strict=True):
            part.is_close(expected, **TRAINING)


@probe
def leaves_after_gradients(module, a, b, x, y, a_factor, b_factor):
    """make leaves of `a` and `b`, call `loss_gradients`, and use the same leaves in another loss"""
    a, b = leaf(a), leaf(b)
    pair = module.loss_gradients(a=a, b=b, x=x, y=y)
    if isinstance(pair, (tuple, list)):
        pair = [v.detach().clone() if isinstance(v, torch.Tensor) else v for v in pair]
    values = {"pair": pair, "a": a.detach().clone(), "b": b.detach().clone()}
    later = gradients_of_leaves(a, b, a_factor, b_factor)
    return {**values, "later": later, "points": points_after(x, y)}


@pytest.mark.exercise("loss_gradients", "the parameters do not change", points=2)
@given(a=numbers(), b=numbers(), data=tensor_points(), a_factor=factors, b_factor=factors)
def test_loss_gradients_only_ask(learner, a, b, data, a_factor, b_factor):
    x, y = data
    answer = learner.run(
        leaves_after_gradients, a=a, b=b, x=x, y=y, a_factor=a_factor, b_factor=b_factor
    )
    _, a_grad, b_grad = line_gradients(a, b, x, y)
    parts = answer.key("pair").parts("a_grad", "b_grad")
    for part, expected in zip(parts, (a_grad, b_grad), strict=True):
        part.is_close(expected, **TRAINING)
    answer.key("a").is_close(torch.tensor([a]))
    answer.key("b").is_close(torch.tensor([b]))
    check_still_leaves(answer, "later", a_factor, b_factor)
    check_points_stay(answer.key("points"), x, y)


# update_


@probe
def update_many(module, values, grads, lr, turned):
    """make a parameter of each of `values` (in Fortran order, if `turned`), set its gradient, call
    `update_`, and look at the same parameters again"""
    params = parameters_of(values, turned)
    for p, grad in zip(params, grads, strict=True):
        p.grad = None if grad is None else grad.clone()
    given = list(params)
    returned = module.update_(params=given, lr=lr)
    return {
        "returned": returned,
        "the list holds them still": [id(p) for p in given] == [id(p) for p in params],
        "parameters": [p.detach().clone() for p in params],
        "gradients": [p.grad for p in params],
    }


@st.composite
def parameters(draw):
    """One to four parameters of one dtype, and a gradient or None for each."""
    dtype = draw(st.sampled_from([torch.float32, torch.float64]))
    pairs = draw(
        st.lists(
            shapes(0, 3).flatmap(
                lambda shape: st.tuples(tensors((2, *shape), dtype), st.booleans())
            ),
            min_size=1,
            max_size=4,
        )
    )
    values = [both[0] for both, _ in pairs]
    return values, [both[1] if there else None for both, there in pairs]


@pytest.mark.exercise("update_", "any parameters, some without a gradient", points=3)
@given(params=parameters(), lr=steps, turned=st.booleans())
def test_update_of_any_parameters(learner, params, lr, turned):
    values, grads = params
    answer = learner.run(update_many, values=values, grads=grads, lr=lr, turned=turned)
    answer.key("returned").is_none()
    check_list_stays(answer)
    for part, value, grad in zip(answer.key("parameters").each(), values, grads, strict=True):
        tolerance = ALL_FLOAT64 if value.dtype == torch.float64 else FLOAT32
        part.is_close(value if grad is None else value - lr * grad, **tolerance)
    for part in answer.key("gradients").each():
        if part.value is not None:
            part.check(
                not part.tensor(finite=False).count_nonzero(),
                "After the update, a gradient is still there: the next one would be added to it.",
            )


@probe
def update_in_rounds(module, values, weights, lr):
    """make a parameter of each of `values`, and do this three times: compute the loss, which is the sum
    of weight * p ** 2 over all parameters, call `backward()` and `update_`; the last parameter is only
    in the loss of the second round"""
    params = [value.clone().requires_grad_() for value in values]
    path = []
    for number in range(3):
        used = params if number == 1 else params[:-1]
        pairs = zip(weights, used, strict=False)
        loss = sum([(weight * p**2).sum() for weight, p in pairs], start=torch.zeros(()))
        if loss.requires_grad:
            loss.backward()
        module.update_(params=list(params), lr=lr)
        path.append([p.detach().clone() for p in params])
    return path


@pytest.mark.exercise("update_", "round after round, each from clean gradients", points=3)
@given(
    values=st.lists(shapes().flatmap(tensors), min_size=2, max_size=3),
    weights=st.lists(factors, min_size=3, max_size=3),
    lr=st.sampled_from([0.01, 0.05, 0.125]),
)
def test_update_round_after_round(learner, values, weights, lr):
    answer = learner.run(update_in_rounds, values=values, weights=weights, lr=lr)
    expected = list(values)
    for number, part in enumerate(answer.each()):
        last = len(values) - 1
        expected = [
            p - lr * 2 * weight * p if number == 1 or k < last else p
            for k, (weight, p) in enumerate(zip(weights, expected, strict=False))
        ]
        for got, p in zip(part.each(), expected, strict=True):
            got.is_close(p)


@probe
def update_network(module, weights, x, y, lr, frozen):
    """build a small network with the given weights, and train it for two rounds with `backward()` and
    `update_`; one layer is left out: before each `update_`, its gradients are set to None"""
    model = small_network(weights)
    for _ in range(2):
        ((model(x) - y) ** 2).mean().backward()
        # They still require gradients: what else `update_` takes is left open.
        for p in model[frozen].parameters():
            p.grad = None
        module.update_(params=list(model.parameters()), lr=lr)
    return [p.detach() for p in model.parameters()]


networks = st.tuples(tensors((3, 2)), tensors((3,)), tensors((1, 3)), tensors((1,)))


@pytest.mark.exercise("update_", "a network with a layer without gradients", points=2)
@settings(max_examples=6)
@given(weights=networks, data=tensor_points(2, 5), lr=rates, frozen=st.sampled_from([0, 2]))
def test_update_of_a_network(learner, weights, data, lr, frozen):
    x, y = torch.cat([data[0], data[1].flip(0)], dim=1), data[1]
    answer = learner.run(update_network, weights=weights, x=x, y=y, lr=lr, frozen=frozen)
    expected = [weight.double() for weight in weights]
    for _ in range(2):
        params = [p.detach().requires_grad_() for p in expected]
        hidden = torch.tanh(x.double() @ params[0].T + params[1])
        loss = ((hidden @ params[2].T + params[3] - y.double()) ** 2).mean()
        grads = torch.autograd.grad(loss, params)
        fixed = (0, 1) if frozen == 0 else (2, 3)
        expected = [
            p.detach() if k in fixed else p.detach() - lr * grad
            for k, (p, grad) in enumerate(zip(params, grads, strict=True))
        ]
    for part, p in zip(answer.each(), expected, strict=True):
        part.is_close(p.float(), **TRAINING)


# fit


@probe
def fit_on_view(module, a, b, x, y, lr, n_epochs, layout):
    """make leaves of `a` and `b`, call `fit`, and look at the same leaves again"""
    a, b = leaf(a), leaf(b)
    x, y = points_laid_out(x, y, layout)
    losses = module.fit(x=x, y=y, a=a, b=b, lr=lr, n_epochs=n_epochs)
    return {"losses": losses, "a": a.detach(), "b": b.detach(), "points": points_after(x, y)}


@pytest.mark.exercise("fit", "any points, any number of epochs", points=3)
@given(
    a=numbers(), b=numbers(), data=st.one_of(tensor_points(), many_tensor_points()), lr=rates,
    n_epochs=sizes(1, 7), layout=layouts,
)  # fmt: skip
def test_fit_on_any_points(learner, a, b, data, lr, n_epochs, layout):
    x, y = data
    answer = learner.run(fit_on_view, a=a, b=b, x=x, y=y, lr=lr, n_epochs=n_epochs, layout=layout)
    check_fit(answer, a, b, x, y, lr, n_epochs)
    check_python_floats(answer.key("losses"))
    check_points_stay(answer.key("points"), x, y)


@pytest.mark.exercise("fit", "many epochs, even when little is left to learn", points=2)
@settings(max_examples=4)
@given(
    a=numbers(), b=numbers(), x=tensors(st.tuples(sizes(2, 6), st.just(1))), lr=rates,
    off=st.sampled_from([0.0, 0.125, 0.5]), n_epochs=sizes(10, 15),
)  # fmt: skip
def test_fit_for_many_epochs(learner, a, b, x, lr, off, n_epochs):
    # The start is near the line of the points, or on it, but all epochs should run.
    y = a + b * x
    answer = learner.run(
        fit_on_view, a=a + off, b=b, x=x, y=y, lr=lr, n_epochs=n_epochs, layout="plain"
    )
    check_fit(answer, a + off, b, x, y, lr, n_epochs)


@probe
def fit_twice(module, a, b, first, second, epochs, a_factor, b_factor):
    """make leaves of `a` and `b`, call `fit` with the first points, empty the gradients, call `fit` with the
    second points, and use the same leaves in another loss"""
    a, b = leaf(a), leaf(b)
    seen = {}
    for name, (x, y, lr), n_epochs in zip(
        ("first", "second"), (first, second), epochs, strict=True
    ):
        losses = module.fit(x=x, y=y, a=a, b=b, lr=lr, n_epochs=n_epochs)
        seen[name] = {"losses": losses, "a": a.detach().clone(), "b": b.detach().clone()}
        a.grad = b.grad = None
    return {**seen, "later": gradients_of_leaves(a, b, a_factor, b_factor)}


@pytest.mark.exercise("fit", "a second training goes on where the first one ended", points=3)
@given(
    a=numbers(), b=numbers(), first=tensor_points(), second=tensor_points(), lr=rates, other_lr=rates,
    epochs=st.tuples(sizes(1, 3), sizes(1, 3)), a_factor=factors, b_factor=factors,
)  # fmt: skip
def test_fit_goes_on(learner, a, b, first, second, lr, other_lr, epochs, a_factor, b_factor):
    answer = learner.run(
        fit_twice, a=a, b=b, first=(*first, lr), second=(*second, other_lr), epochs=epochs,
        a_factor=a_factor, b_factor=b_factor,
    )  # fmt: skip
    check_fit(answer.key("first"), a, b, *first, lr, epochs[0])
    a, b = (answer.key("first").key(name).scalar() for name in "ab")
    check_fit(answer.key("second"), a, b, *second, other_lr, epochs[1])
    check_still_leaves(answer, "later", a_factor, b_factor)


# fit_many


@probe
def fit_many_on_view(module, w, b, x, y, lr, n_epochs, layout):
    """make leaves of `w` and `b`, lay `x` and `y` out in memory as `layout` says, call `fit_many`, and look at the
    same leaves again"""
    w, b = w.clone().requires_grad_(), leaf(b)
    x, y = tensor_laid_out(x, layout), tensor_laid_out(y, layout)
    losses = module.fit_many(x=x, y=y, w=w, b=b, lr=lr, n_epochs=n_epochs)
    return {"losses": losses, "w": w.detach(), "b": b.detach(), "points": points_after(x, y)}


@st.composite
def features(draw, low=1):
    """Slopes w, and points x and y with a feature for each of them; there are never as many points as features."""
    n, k = draw(st.lists(sizes(low, 7), min_size=2, max_size=2, unique=True))
    return draw(tensors((k,))), draw(tensors((n, k))), draw(tensors((n,)))


# The steeper the loss, the smaller the steps: up to seven features have squares that add up to 63.
small_rates = st.sampled_from([0.00390625, 0.0078125, 0.015625])
table_layouts = st.sampled_from(["plain", "turned", "every second"])


@pytest.mark.exercise("fit_many", "any points, features and number of epochs", points=3)
@given(
    data=features(), b=numbers(), lr=small_rates, n_epochs=sizes(1, 7), layout=table_layouts,
)  # fmt: skip
def test_fit_many_on_any_points(learner, data, b, lr, n_epochs, layout):
    w, x, y = data
    answer = learner.run(
        fit_many_on_view, w=w, b=b, x=x, y=y, lr=lr, n_epochs=n_epochs, layout=layout
    )
    check_fit_many(answer, w, b, x, y, lr, n_epochs)
    check_python_floats(answer.key("losses"))
    check_points_stay(answer.key("points"), x, y)


@pytest.mark.exercise("fit_many", "as many points as features, and one feature alone", points=2)
@settings(max_examples=6)
@given(
    w=tensors(st.tuples(sizes(2, 5))), b=numbers(), values=tensors((2, 5, 5)), lr=small_rates,
    alone=st.booleans(), n_epochs=sizes(2, 4),
)  # fmt: skip
def test_fit_many_on_square_tables(learner, w, b, values, lr, alone, n_epochs):
    # Where both sizes agree, a product in the wrong direction raises no error.
    n = len(w)
    x, y = values[0, :n, :n], values[1, 0, :n]
    if alone:
        w, x = w[:1], x[:, :1]
    answer = learner.run(
        fit_many_on_view, w=w, b=b, x=x, y=y, lr=lr, n_epochs=n_epochs, layout="plain"
    )
    check_fit_many(answer, w, b, x, y, lr, n_epochs)


@probe
def fit_many_twice(module, w, b, first, second, epochs, w_factor, b_factor):
    """make leaves of `w` and `b`, call `fit_many` with the first points, empty the gradients, call `fit_many` with
    the second points, and use the same leaves in another loss"""
    w, b = w.clone().requires_grad_(), leaf(b)
    seen = {}
    for name, (x, y, lr), n_epochs in zip(
        ("first", "second"), (first, second), epochs, strict=True
    ):
        losses = module.fit_many(x=x, y=y, w=w, b=b, lr=lr, n_epochs=n_epochs)
        seen[name] = {"losses": losses, "w": w.detach().clone(), "b": b.detach().clone()}
        w.grad = b.grad = None
    return {**seen, "later": gradients_of_leaves(w, b, w_factor, b_factor)}


@pytest.mark.exercise("fit_many", "a second training goes on where the first one ended", points=3)
@given(
    data=features(2), b=numbers(), lr=small_rates, other_lr=small_rates,
    epochs=st.tuples(sizes(1, 3), sizes(1, 3)), w_factor=factors, b_factor=factors,
)  # fmt: skip
def test_fit_many_goes_on(learner, data, b, lr, other_lr, epochs, w_factor, b_factor):
    w, x, y = data
    second = (x[1:] + 0.25, y[:-1])
    answer = learner.run(
        fit_many_twice, w=w, b=b, first=(x, y, lr), second=(*second, other_lr), epochs=epochs,
        w_factor=w_factor, b_factor=b_factor,
    )  # fmt: skip
    check_fit_many(answer.key("first"), w, b, x, y, lr, epochs[0])
    w, b = (
        answer.key("first").key("w").tensor(tuple(w.shape)),
        answer.key("first").key("b").scalar(),
    )
    check_fit_many(answer.key("second"), w, b, *second, other_lr, epochs[1])
    w_grad, b_grad = answer.key("later").parts("w.grad", "b.grad")
    for name, part, expected in (
        ("w", w_grad, torch.full_like(w, w_factor)), ("b", b_grad, torch.tensor([b_factor])),
    ):  # fmt: skip
        part.check(
            part.value is not None,
            f"After the call, {name} no longer receives a gradient: it must stay a leaf that requires a gradient.",
        )
        part.is_close(expected)
