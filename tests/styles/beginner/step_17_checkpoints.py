import numpy as np
import torch


def fit(model, loss_fn, optimizer, train_loader, val_loader, n_epochs, device):
    train_losses = []
    val_losses = []
    for epoch in range(n_epochs):
        model.train()
        sum_of_losses = 0
        count = 0
        for x, y in train_loader:
            x = torch.as_tensor(x, device=device)
            y = torch.as_tensor(y, device=device)
            yhat = model(x)
            loss = loss_fn(yhat, y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            sum_of_losses = sum_of_losses + loss.detach() * len(y)
            count = count + len(y)
        train_losses.append(sum_of_losses / count)
        model.eval()
        sum_of_losses = 0
        count = 0
        for x, y in val_loader:
            x = torch.as_tensor(x, device=device)
            y = torch.as_tensor(y, device=device)
            with torch.no_grad():
                loss = loss_fn(model(x), y)
            sum_of_losses = sum_of_losses + loss * len(y)
            count = count + len(y)
        val_losses.append(sum_of_losses / count)
        print("epoch", epoch, train_losses[-1], val_losses[-1])
    return {"train_losses": train_losses, "val_losses": val_losses, "epochs": n_epochs}


def save_checkpoint(path, model, optimizer, epoch):
    torch.save([epoch, model.state_dict(), optimizer.state_dict()], path)
    print("saved")


def load_checkpoint(path, model, optimizer):
    things = torch.load(path)
    model.load_state_dict(things[1])
    optimizer.load_state_dict(things[2])
    return things[0]


def fit_early(model, loss_fn, optimizer, train_loader, val_loader, max_epochs, patience, device):
    train_losses = []
    val_losses = []
    best = None
    best_epoch = None
    best_weights = {}
    waited = 0
    epoch = 0
    while epoch < max_epochs and waited < patience:
        history = fit(model, loss_fn, optimizer, train_loader, val_loader, 1, device)
        train_losses.append(history["train_losses"][0].item())
        loss = history["val_losses"][0].item()
        val_losses.append(loss)
        if loss == loss and (best is None or loss < best):
            best = loss
            best_epoch = epoch
            for name in model.state_dict():
                best_weights[name] = model.state_dict()[name].clone()
            waited = 0
        else:
            waited = waited + 1
        epoch = epoch + 1
    model.load_state_dict(best_weights)
    return {"train_losses": np.array(train_losses), "val_losses": np.array(val_losses), "best_epoch": best_epoch}
