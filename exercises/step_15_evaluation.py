"""Step 15: evaluation.

Time: 40 minutes. Difficulty: 3 of 5. You need: steps 07, 11 and 14.

## Why

How good is a model on points that it did not learn from? To find out, we walk once through
the validation loader and compute the loss. Nothing may change: we only look. That is harder
than it sounds, and three things are easy to get wrong.

## Looking without touching

1. The mode. Some layers behave differently in training: `Dropout` sets numbers to 0 at
   random, `BatchNorm` keeps running means and updates them. `model.eval()` switches this off.
   The caller does not want to find the model in another mode afterwards, so put it back.
2. The graph. Without a backward pass there is no need for gradients. Inside
   `torch.no_grad()` PyTorch does not build a graph. This saves time and memory.
3. The mean. The loss function gives the mean over *its batch*. The last batch is often
   smaller, so the mean of the batch means is wrong. (The tutorial itself takes it.)

`eval()` and `no_grad()` are two different switches. Try it: a look in train mode changes a
BatchNorm layer, although there are no gradients. And eval mode alone does not stop the
graph:

    >>> import torch
    >>> from torch import nn
    >>> layer = nn.BatchNorm1d(1)
    >>> with torch.no_grad():
    ...     y = layer(torch.tensor([[10.0], [20.0]]))
    >>> layer.running_mean  # it was 0, and a tenth of the batch's mean is mixed in
    tensor([1.5000])
    >>> y = layer.eval()(torch.tensor([[10.0], [20.0]]))
    >>> layer.running_mean, y.requires_grad
    (tensor([1.5000]), True)

## The mean per point

We want the mean per point. A batch of 4 points with loss 1, and a batch of 1 point with
loss 6:

    point by point     1 1 1 1 6      10 / 5 = 2
    mean of means      1 and 6         7 / 2 = 3.5

So each batch is weighted by its number of points. Count the points that you see: a loader
may leave some out, so `len(loader.dataset)` can be another number.

## R2

A loss is hard to judge: is 0.01 good? It depends on how much `y` varies. R2 compares the
model with the simplest guess: to predict the mean of all `y`, every time.

    y                          1    2    6     mean 3
    the mean's squared errors  4    1    9     sum 14
    the model's prediction     1    3    5
    its squared errors         0    1    1     sum 2          R2 = 1 - 2 / 14 = 0.857

    R2 = 1 - sum((y - yhat) ** 2) / sum((y - mean(y)) ** 2)

R2 is 1 for a perfect model, 0 for a model that is as good as the mean, and negative for a
model that is worse. The mean of `y` is the mean over all points. So R2 needs all batches
together: an R2 of each batch, and then the mean of these, is another number. (A batch of
one point does not even have one.) `torch.cat` puts the tensors of a list together, one
behind the other:

    >>> torch.cat([torch.tensor([[1.0], [2.0]]), torch.tensor([[6.0]])])
    tensor([[1.],
            [2.],
            [6.]])
    >>> print(f"{1 - (0 + 1 + 1) / (4 + 1 + 9):.3f}")
    0.857

When yours are written, take the 20 validation points of the tutorial, in batches of 16 and
4, and the line of step 04:

    >>> from torch.utils.data import DataLoader, TensorDataset
    >>> from tutorial_data import x_val, y_val
    >>> from step_15_evaluation import evaluate, r2_score
    >>> line = nn.Linear(1, 1)
    >>> state = {"weight": torch.tensor([[1.96896411]]), "bias": torch.tensor([1.02354094])}
    >>> line.load_state_dict(state)
    <All keys matched successfully>
    >>> points = TensorDataset(torch.tensor(x_val).float(), torch.tensor(y_val).float())
    >>> loader = DataLoader(points, batch_size=16)
    >>> print(f"{evaluate(line, nn.MSELoss(), loader, 'cpu'):.5f}")
    0.00866
    >>> print(f"{r2_score(line, loader, 'cpu'):.3f}")
    0.961

The loss is close to 0.01, the square of the noise: on average, no line does much better on
new points, and with 20 points chance does the rest. The mean of the batch means would be
another number:

    >>> losses = [nn.MSELoss()(line(x), y).item() for x, y in loader]
    >>> print(f"{sum(losses) / len(losses):.5f}")
    0.00558

## One part is not enough

You will look at the validation loss often: to choose a learning rate, a model, the moment
to stop. Each choice adapts your model a little to the validation part, and in the end it is
no longer a fair judge. So a third set is kept aside and used once, for the final result:
the *test* part. Steps 18 and 19 have three parts.

## Recap

Eval mode, no graph, mean per point, and everything back as it was. Step 16 evaluates after
every epoch, and step 17 decides by it.

In PyTorch's documentation: "torch.no_grad", "torch.nn.Module.eval"; in scikit-learn's: "R2
score, the coefficient of determination".
"""

import torch
from sklearn import metrics
from torch import nn
from torch.utils.data import DataLoader


def evaluate(model: nn.Module, loss_fn, loader: DataLoader, device) -> float:
    """Return the mean loss per point over all points of a loader.

    The model works in eval mode and without gradients. Afterwards everything is as before:
    the mode that the model was in (training or eval), its parameters and whether they require
    gradients, its buffers, and the gradients that are stored in `.grad`. Outside of this
    function, PyTorch builds graphs as before.

    Args:
        model: any model, already on `device`. All its layers are in the same mode.
        loss_fn: called as `loss_fn(yhat, y)`; returns the mean loss of a batch, a tensor of
            shape ().
        loader: gives batches `(x, y)`; the first dimension counts the points. The batches
            can have different sizes, x and y any dtype. Points of its dataset that the loader
            leaves out do not count.
        device: where the model is, a str such as "cpu" or a `torch.device`; every batch is moved
            there.

    Returns:
        The mean loss of one point, a scalar of any kind: a number, or an array or tensor of
        size 1. A point in a small batch counts as much as a point in a large one.

    Raises:
        ValueError: the loader gives no batch.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> y = torch.tensor([[1.0], [1.0], [2.0]])
        >>> loader = DataLoader(TensorDataset(torch.zeros(3, 1), y), batch_size=2)
        >>> evaluate(nn.Identity(), nn.MSELoss(), loader, "cpu")
        2.0
    """
    # TODO: Return the mean loss per point over all points of a loader.
    raise NotImplementedError("`evaluate` is not written yet.")


def r2_score(model: nn.Module, loader: DataLoader, device) -> float:
    """Return the coefficient of determination R2 over all points of a loader.

    The result is the one of `sklearn.metrics.r2_score` for all points at once, in whatever
    batches they come. If `y` has several columns, it is the mean of the R2 of the columns.
    As in `evaluate`, the model works in eval mode and without gradients, and its
    mode comes back afterwards.

    Args:
        model: any model, already on `device`. All its layers are in the same mode.
        loader: gives batches `(x, y)` of floats; y and the prediction have the shape (n, k). There
            are at least two points in all, and no column of y is constant. The numbers can be
            large: with y near 10000, a sum of y ** 2 in float32 is too coarse.
        device: where the model is, a str such as "cpu" or a `torch.device`; every batch is moved
            there.

    Returns:
        R2, a scalar of any kind: at most 1, and negative if the mean of y is a better guess than the model.

    Example:
        >>> from torch.utils.data import TensorDataset
        >>> x, y = torch.tensor([[1.0], [2.0], [5.0]]), torch.tensor([[1.0], [3.0], [5.0]])
        >>> round(r2_score(nn.Identity(), DataLoader(TensorDataset(x, y), batch_size=2), "cpu"), 3)
        0.875
    """
    # TODO: Return the coefficient of determination R2 over all points of a loader.
    raise NotImplementedError("`r2_score` is not written yet.")
