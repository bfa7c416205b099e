import torch


def run_epoch(model, loss_fn, loader, device, optimizer=None):
    total, n = 0.0, 0
    model.train(optimizer is not None)
    with torch.set_grad_enabled(optimizer is not None):
        for x, y in loader:
            x, y = x.to(device), y.to(device)
            loss = loss_fn(model(x), y)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item() * len(x)
            n += len(x)
    return total / n


def fit(model, loss_fn, optimizer, train_loader, val_loader, n_epochs, device):
    history = {"train_losses": [], "val_losses": []}
    for _ in range(n_epochs):
        history["train_losses"].append(run_epoch(model, loss_fn, train_loader, device, optimizer))
        history["val_losses"].append(run_epoch(model, loss_fn, val_loader, device))
    return history
