"""The tutorial's whole program, made of your own functions. There is nothing to write here.

Read it from top to bottom: each part is one of your steps. Then run it:

    make run        or        python exercises/train.py

It fits the line y = a + b * x again and again, each time with less of the work done by hand: with
your formula in NumPy, with autograd, with an optimizer, and at last as one would train any model.
As long as a function is missing, it says which one.
"""

import tutorial_tools

tutorial_tools.explain(__file__)

import torch
from step_02_data import generate_data
from step_03_gradient import gradients, numerical_gradients, update
from step_04_descent import fit as fit_numpy
from step_04_descent import init_parameters, least_squares
from step_05_devices import make_parameters, pick_device, to_numpy, to_tensor
from step_06_autograd import fit as fit_autograd
from step_07_graph import graph_nodes
from step_08_optimizer import SGD, fit_with_sgd
from step_09_loss import make_loss, mse
from step_10_models import ManualLinearRegression, count_trainable
from step_11_weights import copy_weights
from step_12_train_step import make_train_step
from step_13_dataset import CustomDataset
from step_14_loaders import make_loaders, split
from step_15_evaluation import evaluate, r2_score
from step_16_training import fit
from torch import optim
from tutorial_data import x_train, y_train

N_EPOCHS, LR = 1000, 0.1


def number(value):
    """Return a number, or the only number of an array or tensor, as a plain one."""
    return value.item() if hasattr(value, "item") else value


def show(what, a, b, digits=4, expected=None, near=1e-4):
    """Print the two numbers of a line; if they are not near those that are expected, say so."""
    a, b = number(a), number(b)
    text = f"{what:<42} a = {a:.{digits}f}   b = {b:.{digits}f}"
    if expected and not (abs(a - expected[0]) < near and abs(b - expected[1]) < near):
        text += f"   but expected: {expected[0]:.{digits}f} and {expected[1]:.{digits}f}"
    print(text)


# The points: 100 of them, near the line with a = 1 and b = 2 (step 02). Of these, the tutorial trains
# on the 80 that `tutorial_data` has as `x_train` and `y_train`.
x, y = generate_data(n=100, a=1, b=2, noise=0.1, seed=42)

# In NumPy: one step by hand (step 03), then the whole way down (step 04). Least squares is the goal.
a, b = init_parameters(seed=42)
show("NumPy, start", a, b, 8, (0.49671415, -0.1382643), 1e-7)
a_grad, b_grad = gradients(a, b, x_train, y_train)
show("  gradients by formula", a_grad, b_grad, 4, (-3.0448, -1.8338))
show("  and measured", *numerical_gradients(a, b, x_train, y_train), 4, (-3.0448, -1.8338))
show("  after one step", *update(a, b, a_grad, b_grad, LR), 4, (0.8012, 0.0451))
a, b, losses = fit_numpy(x_train, y_train, a, b, LR, N_EPOCHS)
show("NumPy, 1000 epochs", a, b, 8, (1.02354094, 1.96896411), 1e-7)
show("scikit-learn", *least_squares(x_train, y_train), 8, (1.02354075, 1.96896447), 1e-7)
print()

# In PyTorch: the same points as tensors, and parameters that ask for gradients (step 05).
device = pick_device()
x_tensor, y_tensor = to_tensor(x_train, device), to_tensor(y_train, device)
a, b = make_parameters(device, seed=42)
show(f"PyTorch on {device}, start", a, b)

# Autograd finds the gradients (step 06), because a loss knows its graph (step 07).
nodes = graph_nodes(mse(a + b * x_tensor, y_tensor))
print(f"  the graph of the loss has {len(nodes)} nodes: {', '.join(nodes[:3])}, …")
losses = fit_autograd(x_tensor, y_tensor, a, b, LR, N_EPOCHS)
show("autograd, 1000 epochs", a, b, 4, (1.0235, 1.9690))

# An optimizer makes the steps (step 08): PyTorch's own one, and then yours, with your loss (step 09).
a, b = make_parameters(device, seed=42)
losses = fit_with_sgd(x_tensor, y_tensor, a, b, LR, N_EPOCHS)
show("PyTorch's optimizer, 1000 epochs", a, b, 4, (1.0235, 1.9690))
a, b = make_parameters(device, seed=42)
optimizer = SGD([a, b], lr=LR)
for _ in range(N_EPOCHS):
    loss = mse(a + b * x_tensor, y_tensor)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
show("your optimizer and your loss, 1000 epochs", a, b, 4, (1.0235, 1.9690))
print()

# As one would train any model: a dataset (13) in two parts, in batches of 16 (14), a model (10), a loss
# (09), an optimizer and a train step (12). After each epoch, an evaluation (15).
n_epochs = 150
dataset = CustomDataset(to_tensor(x, "cpu"), to_tensor(y, "cpu"))
train_part, val_part = split(dataset, 80, seed=42)
train_loader, val_loader = make_loaders(train_part, val_part, batch_size=16, seed=42)

torch.manual_seed(42)
model = ManualLinearRegression().to(device)
twin = ManualLinearRegression().to(device)
copy_weights(model, twin)  # for later (step 11)
show(f"a model of {count_trainable(model)} parameters, start", model.a, model.b)

loss_fn = make_loss("mean")
optimizer = optim.SGD(model.parameters(), lr=LR)
train_step = make_train_step(model, loss_fn, optimizer)
train_losses, val_losses = [], []
for _ in range(n_epochs):
    # All five batches have 16 points, so the mean of their losses is the mean per point.
    batches = [train_step(x.to(device), y.to(device)) for x, y in train_loader]
    train_losses.append(sum(batches) / len(batches))
    val_losses.append(number(evaluate(model, loss_fn, val_loader, device)))
show("mini-batches, 150 epochs", model.a, model.b, 4, (1, 2), 0.1)

# The same in one call (step 16), for the twin, with the same batches. So it must end at the same line.
train_loader, val_loader = make_loaders(train_part, val_part, batch_size=16, seed=42)
optimizer = optim.SGD(twin.parameters(), lr=LR)
history = fit(twin, loss_fn, optimizer, train_loader, val_loader, n_epochs, device)
show("the same in one call", twin.a, twin.b, 4, (number(model.a), number(model.b)))
print()

print(f"loss of the last epoch: training {train_losses[-1]:.4f}, validation {val_losses[-1]:.4f}")
print(f"R2 on the validation part: {number(r2_score(model, val_loader, device)):.4f}")
for name, weight in model.state_dict().items():
    print(f"weight {name}: {to_numpy(weight)}")

curves = {"training": train_losses, "validation": val_losses}
tutorial_tools.draw_losses("losses.svg", curves, "A line learns: loss of each epoch")
print("The losses are drawn in losses.svg: open it in a browser.")
