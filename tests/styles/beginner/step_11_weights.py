import copy

import torch

torch.manual_seed(42)


def copy_weights(source, target):
    weights = copy.deepcopy(source.state_dict())
    print(target.load_state_dict(weights))


def freeze_all_but(model, prefix):
    n = 0
    for name, p in model.named_parameters():
        print(name)
        if name[: len(prefix)] == prefix:
            p.requires_grad = True
            k = 1
            for size in p.shape:
                k = k * size
            n = n + k
        else:
            p.requires_grad = False
    return n
