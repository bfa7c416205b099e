"""Step 12: the train-step factory."""

import pytest
import torch
from hypothesis import given, settings
from torch import nn

from grader.content.references import trained_line
from grader.content.shared_probes import line
from grader.testing.answers import FLOAT32
from grader.testing.probes import probe
from grader.testing.strategies import learning_rates, numbers, seeds, tensor_points, tensors

X = torch.tensor([[0.0], [1.0], [3.0]])
Y = torch.tensor([[1.0], [2.0], [5.0]])

# Far more than float32 rounds: a difference this large has a cause.
SEEN = 1e-3


@probe
def train_line(module, x, y, a, b, lr, n_steps):
    "make a train step for an nn.Linear(1, 1), nn.MSELoss and SGD, and call it n_steps times"
    model = line(a, b)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    train_step = module.make_train_step(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer)
    losses = [train_step(x, y) for _ in range(n_steps)]
    return {"losses": losses, "a": model.bias, "b": model.weight}


@probe
def train_two_lines(module, x, y):
    "make two train steps with different models, losses and optimizers, and call them in turn"
    first, second = line(0.0, 1.0), line(2.0, -1.0)
    step_1 = module.make_train_step(
        model=first,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.SGD(first.parameters(), lr=0.125),
    )
    step_2 = module.make_train_step(
        model=second,
        loss_fn=nn.MSELoss(reduction="sum"),
        optimizer=torch.optim.SGD(second.parameters(), lr=0.015625),
    )
    losses = [step_1(x, y), step_2(x, y), step_1(x, y), step_2(x, y)]
    return {
        "losses of the first": losses[0::2],
        "losses of the second": losses[1::2],
        "a of the first": first.bias,
        "b of the first": first.weight,
        "a of the second": second.bias,
        "b of the second": second.weight,
    }


@probe
def train_on_two_batches(module, first, second, a, b, lr):
    "make a train step for a line, and call it with one batch and then with another"
    model = line(a, b)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    train_step = module.make_train_step(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer)
    losses = [train_step(*first), train_step(*second)]
    return {"losses": losses, "a": model.bias, "b": model.weight}


@probe
def train_from_eval_mode(module, x, y):
    "put a model with BatchNorm into eval mode, make a train step, and call it"
    model = nn.Sequential(nn.BatchNorm1d(1, momentum=0.5), nn.Linear(1, 1))
    model.eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.125)
    train_step = module.make_train_step(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer)
    train_step(x, y)
    return {"the running mean of BatchNorm": model[0].running_mean}


@probe
def train_after_evaluation(module, x, y):
    "make a train step for a model with BatchNorm, call it, put the model in eval mode, call it"
    model = nn.Sequential(nn.BatchNorm1d(1, momentum=0.5), nn.Linear(1, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.125)
    train_step = module.make_train_step(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer)
    train_step(x, y)
    model.eval()
    train_step(x, y)
    return {"the running mean of BatchNorm": model[0].running_mean}


@probe
def first_loss_of_lopsided(module, x, y, a, b):
    """make a train step whose loss is the mean of yhat - 2 * y, and call it once; the loss function also records
    the shapes that it gets"""
    model = line(a, b)
    shapes = []

    def loss_fn(yhat, y):
        shapes.append([list(yhat.shape), list(y.shape)])
        return (yhat - 2 * y).mean()

    train_step = module.make_train_step(
        model=model,
        loss_fn=loss_fn,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.125),
    )
    return {"loss": train_step(x, y), "shapes": shapes}


@probe
def small_network(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


@probe
def train_network(module, x, y, seed):
    "make a train step for a network, nn.SmoothL1Loss and SGD with momentum, call it three times"
    model = small_network(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.125, momentum=0.5)
    train_step = module.make_train_step(model=model, loss_fn=nn.SmoothL1Loss(), optimizer=optimizer)
    losses = [train_step(x, y) for _ in range(3)]
    return {"losses": losses, "prediction": model(x).detach()}


@pytest.mark.exercise("make_train_step", "the loss of the first step, by hand")
def test_first_loss(learner):
    answer = learner.run(train_line, x=X, y=Y, a=1.0, b=2.0, lr=0.125, n_steps=1)
    # The errors are 0, 1 and 2: (0 + 1 + 4) / 3.
    answer.key("losses").is_close([5 / 3], **FLOAT32)


@pytest.mark.exercise("make_train_step", "the line after one step, by hand")
def test_first_update(learner):
    answer = learner.run(train_line, x=X, y=Y, a=0.0, b=1.0, lr=0.125, n_steps=1)
    a = answer.key("a").tensor(shape=(1,)).item()
    answer.check(
        abs(a) > SEEN,
        "a is still 0, so nothing was learned. Either the step of the optimizer is missing, or it "
        "found no gradients: call backward() before it, and do not clear the gradients between "
        "the two.",
    )
    # The gradients are -8/3 and -14/3.
    answer.key("a").is_close(torch.tensor([1 / 3]))
    answer.key("b").is_close(torch.tensor([[1 + 7 / 12]]))


@pytest.mark.exercise("make_train_step", "the loss is a Python float")
def test_loss_is_a_python_float(learner):
    answer = learner.run(train_line, x=X, y=Y, a=1.0, b=2.0, lr=0.125, n_steps=2)
    answer.key("losses").each()[0].is_close(5 / 3, **FLOAT32)
    for loss in answer.key("losses").each():
        loss.python_float()


@pytest.mark.exercise("make_train_step", "three steps on the same batch", points=2)
def test_three_steps(learner):
    answer = learner.run(train_line, x=X, y=Y, a=0.0, b=1.0, lr=0.125, n_steps=3)
    a, b, losses = trained_line(0.0, 1.0, X, Y, 0.125, 3)
    answer.key("losses").is_close(losses, **FLOAT32)
    answer.key("a").is_close(torch.tensor([a]))
    answer.key("b").is_close(torch.tensor([[b]]))


@pytest.mark.exercise("make_train_step", "any points, any line, any learning rate", points=2)
@settings(max_examples=5)
@given(data=tensor_points(), a=numbers(), b=numbers(), lr=learning_rates())
def test_steps_are_gradient_descent(learner, data, a, b, lr):
    x, y = data
    answer = learner.run(train_line, x=x, y=y, a=a, b=b, lr=lr, n_steps=2)
    a, b, losses = trained_line(a, b, x, y, lr, 2)
    answer.key("losses").is_close(losses, **FLOAT32)
    answer.key("a").is_close(torch.tensor([a]))
    answer.key("b").is_close(torch.tensor([[b]]))


@pytest.mark.exercise("make_train_step", "the second step forgets the first batch", points=2)
@settings(max_examples=5)
@given(first=tensor_points(), second=tensor_points(), a=numbers(), b=numbers())
def test_second_step_starts_from_cleared_gradients(learner, first, second, a, b):
    answer = learner.run(train_on_two_batches, first=first, second=second, a=a, b=b, lr=0.0625)
    a_1, b_1, (loss_1,) = trained_line(a, b, *first, 0.0625, 1)
    a_2, b_2, (loss_2,) = trained_line(a_1, b_1, *second, 0.0625, 1)
    # How far off the second step is if it still holds the gradient of the first batch.
    again = a_1 - a
    a_after = answer.key("a").tensor(shape=(1,)).item()
    answer.check(
        abs(again) < SEEN or abs(a_after - (a_2 + again)) > SEEN / 10,
        "The second step used the gradients of both batches together. The gradients of the first "
        "batch were still there: clear them once in every step.",
    )
    answer.key("losses").is_close([loss_1, loss_2], **FLOAT32)
    answer.key("a").is_close(torch.tensor([a_2]))
    answer.key("b").is_close(torch.tensor([[b_2]]))


@pytest.mark.exercise("make_train_step", "a model in eval mode is put in train mode")
def test_train_mode_from_the_start(learner):
    answer = learner.run(train_from_eval_mode, x=X, y=Y).key("the running mean of BatchNorm")
    mean = answer.tensor(shape=(1,)).item()
    answer.check(
        mean != 0.0,
        "The running mean of BatchNorm did not change, so the model was in eval mode during the "
        "train step.",
    )
    # The mean of x is 4/3. The running mean starts at 0 and moves half of the way.
    answer.is_close(torch.tensor([2 / 3]))


@pytest.mark.exercise("make_train_step", "every step puts the model in train mode")
def test_train_mode_in_every_step(learner):
    answer = learner.run(train_after_evaluation, x=X, y=Y).key("the running mean of BatchNorm")
    mean = answer.tensor(shape=(1,)).item()
    answer.check(
        abs(mean - 2 / 3) > SEEN,
        "The running mean of BatchNorm changed only in the first step. Between the two steps, the "
        "test put the model in eval mode, and the second step left it there.",
    )
    # Half of the way from 0 to 4/3, and then half of the rest.
    answer.is_close(torch.tensor([1.0]))


@pytest.mark.exercise("make_train_step", "the loss gets yhat first and y second, unchanged")
def test_order_of_the_loss_arguments(learner):
    step = learner.run(first_loss_of_lopsided, x=X, y=Y, a=0.5, b=1.0)
    answer = step.key("loss")
    # The mean of yhat is 11/6 and the mean of y is 8/3.
    loss = answer.python_float()
    answer.check(
        abs(loss - (8 / 3 - 2 * 11 / 6)) > SEEN,
        "The loss function got y first and yhat second. Call it as loss_fn(yhat, y).",
    )
    answer.is_close(11 / 6 - 2 * 8 / 3, **FLOAT32)
    step.check(
        all(pair.value == [[3, 1], [3, 1]] for pair in step.key("shapes").each()),
        "Expected the loss function to be called with yhat and y of shape (3, 1), unchanged, got these "
        f"shapes: {step.key('shapes').value}.",
    )


@pytest.mark.exercise("make_train_step", "two train steps do not disturb each other", points=2)
def test_two_factories(learner):
    answer = learner.run(train_two_lines, x=X, y=Y)
    a, b, losses = trained_line(0.0, 1.0, X, Y, 0.125, 2)
    answer.key("losses of the first").is_close(losses, **FLOAT32)
    answer.key("a of the first").is_close(torch.tensor([a]))
    answer.key("b of the first").is_close(torch.tensor([[b]]))
    # The sum over 3 points is 3 times the mean, and so is its gradient.
    a, b, losses = trained_line(2.0, -1.0, X, Y, 3 * 0.015625, 2)
    answer.key("losses of the second").is_close([3 * loss for loss in losses], **FLOAT32)
    answer.key("a of the second").is_close(torch.tensor([a]))
    answer.key("b of the second").is_close(torch.tensor([[b]]))


@pytest.mark.exercise("make_train_step", "another model, loss and optimizer", points=2)
@settings(max_examples=5)
@given(x=tensors((5, 3)), y=tensors((5, 2)), seed=seeds())
def test_any_model_loss_and_optimizer(learner, x, y, seed):
    answer = learner.run(train_network, x=x, y=y, seed=seed)
    model = small_network(seed)
    parameters = list(model.parameters())
    speeds = [torch.zeros_like(parameter) for parameter in parameters]
    losses = []
    for _ in range(3):
        loss = nn.functional.smooth_l1_loss(model(x), y)
        losses.append(loss.item())
        for parameter, speed, grad in zip(
            parameters, speeds, torch.autograd.grad(loss, parameters), strict=True
        ):
            speed.mul_(0.5).add_(grad)
            parameter.data.sub_(0.125 * speed)
    answer.key("losses").is_close(losses, **FLOAT32)
    answer.key("prediction").is_close(model(x).detach())
