import torch
from torch import nn


def copy_weights(source, target):
    target.load_state_dict(source.state_dict())


def freeze_all_but(model, prefix):
    # TODO: Freeze all parameters but those whose name starts with `prefix`.
    raise NotImplementedError("`freeze_all_but` is not written yet.")


def replace_head(model, n_out):
    model[-1] = nn.Linear(model[-1].in_features, n_out)
    for p in model[:-1].parameters():
        p.requires_grad_(False)


@torch.no_grad()
def predict(model, x):
    model.eval()
    return model(x)
