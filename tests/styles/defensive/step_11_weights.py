"""A model's weights, with every argument checked."""

import logging

from torch import nn

LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())


def copy_weights(source, target):
    for name, model in (("source", source), ("target", target)):
        if not isinstance(model, nn.Module):
            raise TypeError(f"{name} must be a module")
    new = {name: value.detach().clone() for name, value in source.state_dict().items()}
    old = {name: value.detach().clone() for name, value in target.state_dict().items()}
    try:
        target.load_state_dict(new, strict=True)
    except RuntimeError:
        LOG.exception("the models differ; the target gets its old numbers back")
        target.load_state_dict(old)
        raise


def freeze_all_but(model, prefix):
    if not isinstance(model, nn.Module):
        raise TypeError("model must be a module")
    if not isinstance(prefix, str):
        raise TypeError("prefix must be a str")
    sizes = {}
    for name, p in list(model.named_parameters()):
        keep = name.startswith(prefix)
        p.requires_grad_(keep)
        if keep:
            sizes[name] = int(p.numel())
    LOG.info("still trainable: %s", sizes)
    return sum(sizes.values())
