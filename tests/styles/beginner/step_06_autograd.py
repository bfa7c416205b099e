import torch

torch.manual_seed(42)


def loss_gradients(a, b, x, y):
    if a.grad is not None:
        a.grad.zero_()
    if b.grad is not None:
        b.grad.zero_()
    total = 0
    for i in range(len(x)):
        yhat = a + b * x[i]
        total = total + (y[i] - yhat) ** 2
    loss = total / len(x)
    loss.backward()
    print("loss", loss)
    print(a.grad, b.grad)
    return [a.grad.item(), b.grad.item()]


def update_(params, lr):
    for i in range(len(params)):
        if params[i].grad is not None:
            params[i].data = params[i].data - lr * params[i].grad
    for i in range(len(params)):
        if params[i].grad is not None:
            params[i].grad.zero_()
    print(params)


def fit(x, y, a, b, lr, n_epochs):
    losses = []
    for epoch in range(n_epochs):
        if a.grad is not None:
            a.grad = None
            b.grad = None
        yhat = a + b * x
        error = y - yhat
        loss = torch.mean(error * error)
        losses = losses + [float(loss)]
        loss.backward()
        with torch.no_grad():
            a -= lr * a.grad
            b -= lr * b.grad
        if epoch < 5:
            print(epoch, loss.item())
    return losses


def fit_many(x, y, w, b, lr, n_epochs):
    losses = []
    for epoch in range(n_epochs):
        if w.grad is not None:
            w.grad.zero_()
        if b.grad is not None:
            b.grad.zero_()
        total = 0
        for i in range(len(x)):
            yhat = b
            for j in range(len(w)):
                yhat = yhat + w[j] * x[i][j]
            total = total + (y[i] - yhat) ** 2
        loss = total / len(x)
        loss.backward()
        w.data = w.data - lr * w.grad
        b.data = b.data - lr * b.grad
        losses.append(loss.item())
    print(losses[-1])
    return losses
