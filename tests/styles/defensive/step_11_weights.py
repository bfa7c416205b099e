"""A model's weights, with every argument checked."""

import logging

import torch
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


def replace_head(model, n_out):
    if not isinstance(model, nn.Sequential):
        raise TypeError("model must be an nn.Sequential")
    if len(model) == 0 or not isinstance(model[-1], nn.Linear):
        raise TypeError("the last layer must be an nn.Linear")
    n_out = int(n_out)
    if n_out < 1:
        raise ValueError("n_out must be at least 1")
    old = model[-1]
    head = nn.Linear(
        old.in_features,
        n_out,
        bias=old.bias is not None,
        device=old.weight.device,
        dtype=old.weight.dtype,
    )
    for p in list(model.parameters()):
        p.requires_grad_(False)
        p.grad = None
    model[len(model) - 1] = head
    assert all(p.requires_grad for p in head.parameters())
    LOG.info("replaced %s by %s", old, head)


def predict(model, x, *, strict=True):
    if not isinstance(model, nn.Module):
        raise TypeError("model must be a module")
    if not isinstance(x, torch.Tensor):
        raise TypeError("x must be a tensor")
    places = {p.device for p in model.parameters()}
    if strict and len(places) != 1:
        raise ValueError(f"the model is on {len(places)} devices")
    modes = [(part, part.training) for part in model.modules()]
    try:
        model.eval()
        with torch.no_grad():
            result = model(x.detach().to(device=places.pop(), copy=True))
    finally:
        for part, mode in modes:
            part.training = mode
    LOG.debug("predicted %s", tuple(result.shape))
    return result.detach()
