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


def replace_head(model, n_out):
    old = model[len(model) - 1]
    print("old head", old)
    n_in = old.weight.shape[1]
    for i in range(len(model)):
        for p in model[i].parameters():
            p.requires_grad = False
    new = torch.nn.Linear(n_in, n_out)
    model[len(model) - 1] = new
    print(model)


def predict(model, x):
    mode = model.training
    for p in model.parameters():
        device = p.device
    x = x.to(device)
    model.eval()
    with torch.no_grad():
        y = model(x)
    if mode == True:
        model.train()
    else:
        model.eval()
    print("predicted", y.shape)
    return y
