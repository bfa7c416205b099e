import numpy as np


def predict(a, b, x):
    print("x is", x)
    result = np.zeros(x.shape)
    for i in range(len(x)):
        result[i] = a + b * x[i]
    return result


def mse(y, yhat):
    total = 0
    for i in range(len(y)):
        total = total + (y[i] - yhat[i]) ** 2
    return total / len(y)


def gradients(a, b, x, y):
    n = len(x)
    a_grad = 0
    b_grad = 0
    for i in range(n):
        error = y[i] - (a + b * x[i])
        a_grad = a_grad - 2 * error
        b_grad = b_grad - 2 * error * x[i]
    print(a_grad / n, b_grad / n)
    return [a_grad / n, b_grad / n]


def numerical_gradients(a, b, x, y, eps=0.000001):
    a_right = mse(y, predict(a + eps, b, x))
    a_left = mse(y, predict(a - eps, b, x))
    b_right = mse(y, predict(a, b + eps, x))
    b_left = mse(y, predict(a, b - eps, x))
    return (a_right - a_left) / eps / 2, (b_right - b_left) / eps / 2


def update(a, b, a_grad, b_grad, lr):
    new_a = a - lr * a_grad
    new_b = b - lr * b_grad
    return [new_a, new_b]
