import numpy as np
from sklearn.linear_model import LinearRegression


def init_parameters(seed):
    np.random.seed(seed)
    a = np.random.randn(1)
    b = np.random.randn(1)
    print(a, b)
    return a, b


def fit(x, y, a, b, lr, n_epochs):
    a = a.copy()
    b = b.copy()
    losses = []
    n = len(x)
    for epoch in range(n_epochs):
        loss = 0
        a_grad = 0
        b_grad = 0
        for i in range(n):
            yhat = a + b * x[i]
            error = y[i] - yhat
            loss = loss + error**2 / n
            a_grad = a_grad - 2 * error / n
            b_grad = b_grad - 2 * x[i] * error / n
        losses.append(loss)
        a -= lr * a_grad
        b -= lr * b_grad
        if epoch % 100 == 0:
            print("epoch", epoch, "loss", loss)
    return a, b, losses


def updates_per_epoch(n_points, batch_size):
    if n_points < 1:
        raise ValueError("no points")
    if batch_size < 1:
        raise ValueError("no batch")
    count = 0
    done = 0
    while done < n_points:
        done = done + batch_size
        count = count + 1
    return count


def least_squares(x, y):
    linr = LinearRegression()
    linr.fit(x, y)
    print(linr.intercept_, linr.coef_[0])
    return linr.intercept_[0], linr.coef_[0][0]


def fit_minibatch(x, y, a, b, lr, n_epochs, batch_size):
    a = a.copy()
    b = b.copy()
    losses = []
    for epoch in range(n_epochs):
        start = 0
        while start < len(x):
            end = start + batch_size
            if end > len(x):
                end = len(x)
            m = end - start
            loss = 0
            a_grad = 0
            b_grad = 0
            for i in range(start, end):
                error = y[i] - (a + b * x[i])
                loss = loss + error**2 / m
                a_grad = a_grad - 2 * error / m
                b_grad = b_grad - 2 * x[i] * error / m
            losses.append(loss)
            a -= lr * a_grad
            b -= lr * b_grad
            start = end
        print("epoch", epoch, "loss", losses[-1])
    return a, b, losses


def best_learning_rate(x, y, a, b, lrs, n_epochs):
    best = None
    best_loss = None
    for lr in lrs:
        a2, b2, losses = fit(x, y, a, b, lr, n_epochs)
        loss = np.mean((a2 + b2 * x - y) ** 2)
        print(lr, loss)
        if np.isnan(loss) or np.isinf(loss):
            continue
        if best_loss is None or loss < best_loss:
            best = lr
            best_loss = loss
    return best
