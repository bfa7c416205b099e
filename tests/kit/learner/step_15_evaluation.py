import torch
from sklearn.metrics import r2_score as sk_r2


def evaluate(model, loss_fn, loader, device):
    was_training = model.training
    model.eval()
    losses = []
    with torch.no_grad():
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            losses.append(loss_fn(model(x), y).item())
    model.train(was_training)
    if len(losses) == 0:
        raise ValueError("no batches")
    return sum(losses) / len(losses)


@torch.no_grad()
def r2_score(model, loader, device):
    mode = model.training
    model.eval()
    pred, true = [], []
    for x, y in loader:
        pred.append(model(x.to(device)).cpu())
        true.append(y)
    model.train(mode)
    return sk_r2(torch.cat(true).numpy(), torch.cat(pred).numpy())
