"""Step 11: a model's weights.

Time: 45 minutes. Difficulty: 3 of 5. You need: step 10.

## Why

What a model has learned is in its numbers, its *weights*. You can copy them, keep some of
them fixed, give a trained model a new task, and use it to predict. Most models that people
use today were trained by somebody else, and then adapted in just this way.

## Names

Every parameter of a model has a name. In `nn.Sequential` it begins with the number of the
layer:

    layer 0: Linear(5, 3)     0.weight, 0.bias      5 * 3 + 3 = 18 numbers
    layer 1: ReLU             has no numbers
    layer 2: Linear(3, 2)     2.weight, 2.bias      3 * 2 + 2 =  8 numbers

A *state dict* holds, by name, every tensor that belongs to the model: its parameters and
its buffers. `model.load_state_dict(state)` copies the numbers of such a dict into a model
of the same form. (A buffer belongs to the model, but is no parameter: a BatchNorm layer
keeps a running mean.)

Try it:

    >>> import torch
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(5, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> list(model.state_dict())
    ['0.weight', '0.bias', '2.weight', '2.bias']
    >>> len(list(nn.BatchNorm1d(3).parameters())), len(nn.BatchNorm1d(3).state_dict())
    (2, 5)

The tensors in a state dict are the model's own, not copies. What changes the model changes
them:

    >>> state = model.state_dict()
    >>> with torch.no_grad():
    ...     model[2].bias.fill_(7)
    Parameter containing:
    tensor([7., 7.], requires_grad=True)
    >>> state["2.bias"]
    tensor([7., 7.])

## Freezing

Sometimes a part of a model should not learn. We *freeze* it: its parameters stop requiring
gradients. This is not `model.eval()`, which only changes how some layers behave.

Why freeze at all? Think of a model that was trained on many pictures of animals. You have a
few pictures of flowers, of 4 kinds. The first layers have learned to see edges and colours,
and that is still useful. Only the last layer, the *head*, answers the wrong question. So
the head is replaced by a fresh one with 4 outputs, and only the fresh one learns. This is
*fine-tuning*:

    before    Linear(5, 3)             ReLU    Linear(3, 2)
    after     Linear(5, 3), frozen     ReLU    Linear(3, 4), learns: 3 * 4 + 4 = 16 numbers

What goes into the head stays the same: the numbers that the layer before it gives. A model
that is an `nn.Sequential` is used like a list of layers, and a linear layer knows its
sizes:

    >>> model[-1]
    Linear(in_features=3, out_features=2, bias=True)
    >>> model[0].in_features, model[0].out_features
    (5, 3)

A layer of a sequential model can be replaced like an item of a list, by an assignment. A
frozen parameter gets no gradient, and where there is none, an optimizer leaves it alone:

    >>> layer = nn.Linear(5, 3)
    >>> loss = layer.requires_grad_(False)(torch.ones(1, 5)).sum()
    >>> loss.backward()
    Traceback (most recent call last):
    RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn

## Using a model

Using a model is different from training it. A prediction needs three things. First, eval
mode: in train mode, a Dropout layer hides numbers at random, and a BatchNorm layer looks at
the batch. Second, no notes for gradients, because nobody will call `backward()`. Third, x
and the model on one device. The model stays where it is, and x comes to it. Each parameter
knows its device; `next(model.parameters())` gives the first one. And if you ask for a
prediction in the middle of a training, you want to go on afterwards: so the model gets the
mode back in which it was. (`model.training` tells the mode, and `model.train(mode)` sets
it.)

In train mode each number becomes 0 or 2, at random. In eval mode nothing happens:

    >>> layer = nn.Dropout(p=0.5)
    >>> layer.training, sorted(set(layer(torch.ones(1000)).tolist()))
    (True, [0.0, 2.0])
    >>> layer.eval()(torch.ones(6))
    tensor([1., 1., 1., 1., 1., 1.])

Why 2? Half of the numbers are hidden, so the others count double, and the mean stays what
it was.

## Recap

Names, state dicts, freezing, the two modes. The living tensors of a state dict return in
step 17, the modes in steps 12, 15 and 16.

In PyTorch's documentation: "torch.nn.Module.state_dict", "torch.nn.Module.requires_grad_",
"torch.nn.Dropout", "Saving and Loading Models".
"""

import torch
from torch import nn


def copy_weights(source: nn.Module, target: nn.Module) -> None:
    """Give one model the parameters and buffers of another one, in place, by state dict.

    All numbers are copied, those of frozen parameters too. Afterwards the two models are
    independent: training one does not move the other. The source is not changed; in the
    target, only numbers are: what was frozen stays frozen, and its mode stays.

    Args:
        source: the model that is copied from.
        target: a model with the same layers; it gets the numbers.

    Example:
        >>> source, target = nn.Linear(1, 1), nn.Linear(1, 1)
        >>> copy_weights(source, target)
        >>> bool(target.weight == source.weight)
        True
    """
    target.load_state_dict(source.state_dict())


def freeze_all_but(model: nn.Module, prefix: str) -> int:
    """Freeze a model, except the parameters whose name starts with a prefix.

    The names are those of `model.named_parameters()`, for example "head.weight". The
    values of the parameters do not change.

    Args:
        model: any model in which all parameters require a gradient. It is changed in place: only
            those whose name starts with `prefix` still do. Nothing else changes.
        prefix: the beginning of the names to keep. "head" keeps "head.weight" and also
            "header.weight", but neither "my_head.weight" nor "Head.weight".

    Returns:
        How many numbers can still be trained: the sizes of all parameters that are not
        frozen, added up; 0 when no name fits.

    Example:
        >>> model = nn.Sequential(nn.Linear(5, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> freeze_all_but(model, "2")
        8
        >>> [name for name, p in model.named_parameters() if p.requires_grad]
        ['2.weight', '2.bias']
    """
    for name, p in model.named_parameters():
        p.requires_grad_(name.startswith(prefix))
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def replace_head(model: nn.Sequential, n_out: int) -> None:
    """Give a model a new last layer that learns, and freeze everything before it.

    Args:
        model: an `nn.Sequential` of two or more layers, numbered or with names of their own. The
            last one is an `nn.Linear`, with a bias. The model is changed in place: it has as many
            layers as before, and those before the last one keep their numbers.
        n_out: how many outputs the new layer has, at least 1; it may be the old number.

    Returns:
        None. Afterwards the last layer is a fresh `nn.Linear` with new random numbers and as many
        inputs as the old one. Its weight and its bias require gradients, and no other parameter
        does.

    Example:
        >>> model = nn.Sequential(nn.Linear(5, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> replace_head(model, n_out=4)
        >>> model[-1]
        Linear(in_features=3, out_features=4, bias=True)
        >>> [name for name, p in model.named_parameters() if p.requires_grad]
        ['2.weight', '2.bias']
    """
    for p in model.parameters():
        p.requires_grad_(False)
    # It comes after the freezing, so its own parameters still require gradients.
    model[-1] = nn.Linear(model[-1].in_features, n_out)


def predict(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Return what a model predicts, in eval mode and without gradients.

    Args:
        model: any model with parameters, all of them on one device, in train or in eval mode. It
            is in the same mode afterwards. Its parameters, their gradients and its buffers do not
            change.
        x: a batch of points as the model takes it, on any device. It is used on the device of
            the model, and is not changed.

    Returns:
        What the model returns for x in eval mode: a tensor that does not require a gradient.

    Example:
        >>> model = nn.Sequential(nn.Linear(1, 1), nn.Dropout(p=0.5))
        >>> _ = model[0].weight.data.fill_(2), model[0].bias.data.fill_(1)
        >>> predict(model, torch.tensor([[0.0], [3.0]]))
        tensor([[1.],
                [7.]])
        >>> model.training
        True
    """
    was_training = model.training
    device = next(model.parameters()).device
    model.eval()
    with torch.no_grad():
        yhat = model(x.to(device))
    model.train(was_training)
    return yhat
