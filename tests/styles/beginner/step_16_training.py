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
