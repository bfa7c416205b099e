import torch


def fit_with_sgd(x, y, a, b, lr, n_epochs):
    optimizer = torch.optim.SGD([a, b], lr=lr)
    losses = []
    for epoch in range(n_epochs)
        optimizer.zero_grad()
        loss = ((a + b * x - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


class SGD:
    pass
