import torch


def save_checkpoint(path, model, optimizer, epoch):
    torch.save({"model": model.state_dict(), "epoch": epoch}, path)


def load_checkpoint(path, model, optimizer):
    data = torch.load(path)
    model.load_state_dict(data["model"])
    return data["epoch"]


def fit_early(model, loss_fn, optimizer, train_loader, val_loader, max_epochs, patience, device):
    best = best_epoch = None
    while best is None or patience > 0:
        pass  # come back to this tomorrow
