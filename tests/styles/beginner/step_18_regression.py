import random

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from torch.utils.data import Dataset


class Patients(Dataset):
    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


def load_data(seed):
    data = load_diabetes()
    numbers = list(range(442))
    random.seed(seed)
    random.shuffle(numbers)
    train_numbers = numbers[:265]
    means = []
    stds = []
    for j in range(10):
        column = []
        for i in train_numbers:
            column.append(data.data[i][j])
        means.append(np.mean(column))
        stds.append(np.std(column))
    targets = []
    for i in train_numbers:
        targets.append(data.target[i])
    y_mean = np.mean(targets)
    y_std = np.std(targets)
    x = torch.zeros(442, 10)
    y = torch.zeros(442, 1)
    for k in range(442):
        i = numbers[k]
        for j in range(10):
            x[k, j] = (data.data[i][j] - means[j]) / stds[j]
        y[k, 0] = (data.target[i] - y_mean) / y_std
    train = Patients(x[0:265], y[0:265])
    val = Patients(x[265:353], y[265:353])
    test = Patients(x[353:442], y[353:442])
    # report needs these
    test.x_train = x[0:265]
    test.y_train = y[0:265]
    test.y_std = y_std
    return [train, val, test]


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.linear = nn.Linear(10, 1)

    def forward(self, x):
        return self.linear(x)


def build_model():
    return Net()


def train(train_set, val_set, seed):
    torch.manual_seed(seed)
    random.seed(seed)
    model = build_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loss_fn = nn.MSELoss()
    x = torch.stack([train_set[i][0] for i in range(len(train_set))])
    y = torch.stack([train_set[i][1] for i in range(len(train_set))])
    x_val = torch.stack([val_set[i][0] for i in range(len(val_set))])
    y_val = torch.stack([val_set[i][1] for i in range(len(val_set))])
    best = 1000000
    history = []
    for epoch in range(100):
        rows = list(range(len(x)))
        random.shuffle(rows)
        for start in range(0, len(rows), 20):
            some = rows[start : start + 20]
            loss = loss_fn(model(x[some]), y[some])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        val_loss = loss_fn(model(x_val), y_val).item()
        history.append(val_loss)
        if val_loss < best:
            best = val_loss
            best_weight = model.linear.weight.detach().clone()
            best_bias = model.linear.bias.detach().clone()
    with torch.no_grad():
        model.linear.weight.copy_(best_weight)
        model.linear.bias.copy_(best_bias)
    print("best validation loss", best)
    return [model, history]


def report(model, test):
    model.eval()
    n = len(test)
    y = []
    yhat = []
    for i in range(n):
        x, target = test[i]
        y.append(target.item())
        yhat.append(model(x.reshape(1, 10)).item())
    mean = sum(y) / n
    errors = 0
    differences = 0
    for i in range(n):
        errors = errors + (y[i] - yhat[i]) ** 2
        differences = differences + (y[i] - mean) ** 2
    line = LinearRegression()
    line.fit(test.x_train.numpy(), test.y_train.numpy())
    guess = line.predict(test.x.numpy())
    line_errors = 0
    for i in range(n):
        line_errors = line_errors + (y[i] - guess[i][0]) ** 2
    result = {}
    result["r2"] = 1 - errors / differences
    result["rmse"] = (errors / n) ** 0.5 * test.y_std
    result["baseline_r2"] = 1 - line_errors / differences
    return result
