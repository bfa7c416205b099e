import torch


def evaluate(model, loss_fn, loader, device):
    if len(loader) == 0:
        raise ValueError("empty")
    mode = model.training
    model.eval()
    losses = []
    sizes = []
    with torch.no_grad():
        for batch in loader:
            x = batch[0]
            y = batch[1]
            x = torch.as_tensor(x, device=device)
            y = torch.as_tensor(y, device=device)
            yhat = model(x)
            loss = loss_fn(yhat, y)
            print("batch loss", loss)
            for i in range(x.shape[0]):
                losses.append(loss)
    if mode == True:
        model.train()
    else:
        model.eval()
    total = 0
    for loss in losses:
        total = total + loss
    return total / len(losses)


def r2_score(model, loader, device):
    mode = model.training
    model.eval()
    all_y = []
    all_p = []
    for x, y in loader:
        with torch.no_grad():
            p = model(torch.as_tensor(x, device=device))
        for row in y:
            all_y.append(row.tolist())
        for row in p:
            all_p.append(row.tolist())
    if mode:
        model.train()
    scores = []
    for j in range(len(all_y[0])):
        y = [row[j] for row in all_y]
        p = [row[j] for row in all_p]
        mean = sum(y) / len(y)
        top = 0
        bottom = 0
        for i in range(len(y)):
            top += (y[i] - p[i]) ** 2
            bottom += (y[i] - mean) ** 2
        scores.append(1 - top / bottom)
    print(scores)
    return sum(scores) / len(scores)
