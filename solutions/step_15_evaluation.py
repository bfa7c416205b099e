"""Step 15: evaluation.

How good is a model on points that it did not learn from? To find out, we walk once
through the validation loader and compute the loss. Nothing may change: we only look.

Three things are easy to get wrong.

1. The mode. Some layers behave differently in training: `Dropout` sets numbers to 0 at
   random, `BatchNorm` counts means and moves them. `model.eval()` switches this off. The
   caller does not want to find the model in another mode afterwards, so put it back.
2. The graph. Without a backward pass there is no need for gradients. Inside
   `torch.no_grad()` PyTorch does not build a graph. This saves time and memory.
3. The mean. The loss function gives the mean over *its batch*. The last batch is often
   smaller, so the mean of the batch means is wrong. We want the mean per point:

       loss = sum(batch loss * batch size) / sum(batch size)

   A batch of 4 points with loss 1 and a batch of 1 point with loss 6: the mean per point
   is (4 * 1 + 1 * 6) / 5 = 2. The mean of the means would be 3.5.

A loss is hard to judge: is 0.01 good? It depends on how much `y` varies. R2 compares
the model with the simplest guess, which is always the mean of all `y`:

    R2 = 1 - sum((y - yhat) ** 2) / sum((y - mean(y)) ** 2)

R2 is 1 for a perfect model, 0 for a model that is as good as the mean, and negative for a
model that is worse. The mean of `y` is the mean over all points. So R2 needs all batches
together: an R2 of each batch, and then the mean of these, is another number.

Numbers to expect: take the 20 validation points of the tutorial (100 points, a = 1, b = 2,
noise 0.1, seed 42) and the line of step 04 (a = 1.02354094, b = 1.96896411). The loss is
0.00866: close to 0.01, the square of the noise. R2 is 0.961. In batches of 16 and 4
points, the mean of the batch means would be 0.00558 instead.
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
    was_training = model.training
    model.eval()
    total, n_points = 0.0, 0
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            # The loss is a mean over the batch. Times its size, it is a sum that we can add up.
            total += loss_fn(model(x), y).item() * len(x)
            n_points += len(x)
    model.train(was_training)
    if n_points == 0:
        raise ValueError("the loader gives no batch: there is nothing to evaluate")
    return total / n_points


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
    was_training = model.training
    model.eval()
    y_all, yhat_all = [], []
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            y_all.append(y)
            yhat_all.append(model(x))
    model.train(was_training)
    # R2 needs the mean of all y, so it has to see all points together.
    y_true, y_pred = torch.cat(y_all).cpu().numpy(), torch.cat(yhat_all).cpu().numpy()
    return metrics.r2_score(y_true, y_pred)
