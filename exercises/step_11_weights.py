"""Step 11: a model's weights.

What a model has learned is in its numbers, its *weights*. In this step you copy them into
another model, and you choose which of them may go on learning.

Every parameter of a model has a name. In `nn.Sequential` it begins with the number of the layer:

    layer 0: Linear(5, 3)     0.weight, 0.bias      5 * 3 + 3 = 18 numbers
    layer 1: ReLU             has no numbers
    layer 2: Linear(3, 2)     2.weight, 2.bias      3 * 2 + 2 =  8 numbers

The optimizer can move a parameter, and `model.state_dict()` saves it: a *state dict* gives every
tensor by its name. A model may also hold *buffers*. These are tensors that are no parameters, but
belong to the model: a BatchNorm layer keeps a running mean. A state dict has parameters and buffers.

Sometimes a part of a model shall not learn. We *freeze* it: its parameters stop requiring
gradients. This is not `model.eval()`, which only changes how some layers behave.

Numbers to expect: the model above has 26 numbers. With all but layer 2 frozen, 8 of them can learn. The
state dict of `nn.BatchNorm1d(3)` has 5 entries: 2 parameters and 3 buffers.
"""

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
    # TODO: Give one model the parameters and buffers of another one, in place, by state dict.
    raise NotImplementedError("`copy_weights` is not written yet.")


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
    # TODO: Freeze a model, except the parameters whose name starts with a prefix.
    raise NotImplementedError("`freeze_all_but` is not written yet.")
