import random

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import Dataset


class Digits(Dataset):
    def __init__(self, images, labels):
        self.images = images
        self.labels = labels

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        image = torch.zeros(64)
        for k in range(64):
            image[k] = self.images[i][k] / 16
        return image, int(self.labels[i])


def load_data(seed):
    digits = load_digits()
    random.seed(seed)
    train_images, train_labels = [], []
    val_images, val_labels = [], []
    test_images, test_labels = [], []
    for digit in range(10):
        numbers = []
        for i in range(len(digits.target)):
            if digits.target[i] == digit:
                numbers.append(i)
        random.shuffle(numbers)
        n_train = round(0.7 * len(numbers))
        n_val = round(0.1 * len(numbers))
        for i in numbers[:n_train]:
            train_images.append(digits.data[i])
            train_labels.append(digit)
        for i in numbers[n_train : n_train + n_val]:
            val_images.append(digits.data[i])
            val_labels.append(digit)
        for i in numbers[n_train + n_val :]:
            test_images.append(digits.data[i])
            test_labels.append(digit)
    print(len(train_images), len(val_images), len(test_images))
    train = Digits(train_images, train_labels)
    val = Digits(val_images, val_labels)
    test = Digits(test_images, test_labels)
    return [train, val, test]


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.hidden = nn.Linear(64, 32)
        self.output = nn.Linear(32, 10)

    def forward(self, x):
        x = self.hidden(x)
        x = torch.sigmoid(x)
        x = self.output(x)
        return x


def build_model():
    return Net()


def cross_entropy(logits, labels):
    total = 0
    for i in range(len(labels)):
        row = logits[i]
        largest = row.max()
        s = 0
        for k in range(len(row)):
            s = s + torch.exp(row[k] - largest)
        total = total + torch.log(s) + largest - row[labels[i]]
    return total / len(labels)


def train(train_set, val_set, seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    model = build_model()
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    x = torch.stack([train_set[i][0] for i in range(len(train_set))])
    y = torch.tensor([int(train_set[i][1]) for i in range(len(train_set))])
    history = []
    for epoch in range(40):
        order = np.random.permutation(len(x))
        for start in range(0, len(x), 50):
            rows = order[start : start + 50]
            loss = loss_fn(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        history.append(loss.item())
        print("epoch", epoch, "loss", loss.item())
    return [model, history]


def predict(model, x):
    model.eval()
    answer = []
    for i in range(len(x)):
        out = model(x[i : i + 1])
        best = 0
        for k in range(10):
            if out[0, k] > out[0, best]:
                best = k
        answer.append(best)
    return torch.tensor(answer)


def accuracy(model, dataset):
    right = 0
    for i in range(len(dataset)):
        image, label = dataset[i]
        if predict(model, image.reshape(1, 64))[0] == label:
            right = right + 1
    return right / len(dataset)


def confusion(model, dataset):
    table = torch.zeros(10, 10).long()
    for i in range(len(dataset)):
        image, label = dataset[i]
        guess = predict(model, image.reshape(1, 64))[0]
        table[label, guess] = table[label, guess] + 1
    return table
