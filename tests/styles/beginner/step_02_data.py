import random

import numpy as np


def generate_data(n, a, b, noise, seed):
    np.random.seed(seed)
    x = np.random.rand(n, 1)
    e = np.random.randn(n, 1)
    y = np.zeros((n, 1))
    for i in range(n):
        y[i][0] = a + b * x[i][0] + e[i][0] * noise
        print("point", i, x[i], y[i])
    return x, y


def train_val_split(x, y, n_train, seed):
    if len(x) != len(y):
        raise ValueError("lengths")
    if n_train < 1:
        raise ValueError("too small")
    if n_train >= len(x):
        raise ValueError("too big")
    random.seed(seed)
    pairs = []
    for i in range(len(x)):
        pairs.append((x[i], y[i]))
    random.shuffle(pairs)
    x_train = []
    y_train = []
    x_val = []
    y_val = []
    for i in range(len(pairs)):
        if i < n_train:
            x_train.append(pairs[i][0])
            y_train.append(pairs[i][1])
        else:
            x_val.append(pairs[i][0])
            y_val.append(pairs[i][1])
    print(len(x_train), len(x_val))
    return [np.array(x_train), np.array(y_train), np.array(x_val), np.array(y_val)]
