"""Handwritten digits, with every argument checked and all global generators untouched."""

import logging
import operator

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from torch import nn
from torch.utils.data import Dataset

LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())

CLASSES = 10


class _Digits(Dataset):
    def __init__(self, images, labels):
        if len(images) != len(labels):
            raise ValueError("different lengths")
        self._images = torch.as_tensor(np.array(images), dtype=torch.float32)
        self._labels = torch.as_tensor(np.array(labels), dtype=torch.int64)
        if not (0 <= self._images.min() and self._images.max() <= 1):
            raise ValueError("the pixels are not scaled")

    def __len__(self):
        return len(self._labels)

    def __getitem__(self, index):
        i = operator.index(index)
        if not -len(self) <= i < len(self):
            raise IndexError(i)
        return self._images[i].clone(), self._labels[i].clone()


def load_data(seed, *, val_share=0.1, test_share=0.2):
    images, labels = load_digits(return_X_y=True)
    images = np.clip(images.astype(np.float64) / 16.0, 0.0, 1.0)
    generator = np.random.default_rng(operator.index(seed))
    parts = {"train": [], "val": [], "test": []}
    for digit in range(CLASSES):
        places = generator.permutation(np.flatnonzero(labels == digit))
        n_val, n_test = (int(round(share * len(places))) for share in (val_share, test_share))
        parts["val"].extend(places[:n_val].tolist())
        parts["test"].extend(places[n_val : n_val + n_test].tolist())
        parts["train"].extend(places[n_val + n_test :].tolist())
    if sorted(sum(parts.values(), [])) != list(range(len(labels))):
        raise RuntimeError("the split went wrong")
    order = {name: np.sort(generator.permutation(places)) for name, places in parts.items()}
    return tuple(_Digits(images[order[name]], labels[order[name]]) for name in parts)


class _Model(nn.Module):
    def __init__(self, n_hidden, generator):
        super().__init__()
        self.first = nn.Linear(64, n_hidden)
        self.norm = nn.BatchNorm1d(n_hidden)
        self.last = nn.Linear(n_hidden, CLASSES)
        if generator is not None:
            with torch.no_grad():
                for p in (self.first.weight, self.last.weight):
                    bound = p.size(1) ** -0.5
                    p.copy_((2 * torch.rand(p.shape, generator=generator) - 1) * bound)
                self.first.bias.zero_()
                self.last.bias.zero_()

    def forward(self, x):
        if not isinstance(x, torch.Tensor) or x.dim() != 2 or x.size(1) != 64:
            raise ValueError("x must be a tensor of shape (n, 64)")
        hidden = self.first(x)
        if not self.training or len(x) > 1:
            # One point alone has no spread to learn from.
            hidden = self.norm(hidden)
        return self.last(torch.relu(hidden))


def build_model(n_hidden=40, *, generator=None):
    return _Model(n_hidden, generator)


def cross_entropy(logits, labels, *, check=True):
    if check:
        if logits.dim() != 2 or labels.shape != logits.shape[:1]:
            raise ValueError("logits must have the shape (n, k), and labels (n,)")
        if labels.dtype != torch.int64:
            raise TypeError("labels must be int64")
    # In float64 inside, so that nothing is lost of logits that are far apart.
    precise = logits.to(torch.float64)
    true = precise.gather(1, labels.unsqueeze(1)).squeeze(1)
    return (torch.logsumexp(precise, dim=1) - true).mean().to(logits.dtype)


def _stacked(dataset, places):
    items = [dataset[i] for i in places]
    x = torch.stack([torch.as_tensor(image, dtype=torch.float32) for image, _ in items])
    y = torch.tensor([int(label) for _, label in items], dtype=torch.int64)
    return x, y


def train(train_set, val_set, seed, *, n_epochs=25, batch_size=64):
    if len(train_set) < 1:
        raise ValueError("nothing to train on")
    generator = torch.Generator().manual_seed(operator.index(seed))
    before = torch.get_rng_state()
    try:
        model = build_model(generator=generator)
    finally:
        torch.set_rng_state(before)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.01)
    x, y = _stacked(train_set, range(len(train_set)))
    history = {"train_losses": [], "val_accuracies": []}
    best, best_state = -1.0, None
    for epoch in range(n_epochs):
        model.train()
        total = 0.0
        for places in torch.randperm(len(x), generator=generator).split(batch_size):
            optimizer.zero_grad(set_to_none=True)
            loss = nn.functional.cross_entropy(model(x[places]), y[places])
            loss.backward()
            optimizer.step()
            total += float(loss.item()) * len(places)
        history["train_losses"].append(total / len(x))
        if len(val_set):
            history["val_accuracies"].append(accuracy(model, val_set))
            if history["val_accuracies"][-1] > best:
                best = history["val_accuracies"][-1]
                best_state = {k: v.clone() for k, v in model.state_dict().items()}
        LOG.info("epoch %d: %g", epoch, history["train_losses"][-1])
    if best_state is not None:
        model.load_state_dict(best_state)
    return model.eval(), history


def predict(model, x):
    if not isinstance(model, nn.Module):
        raise TypeError("model must be a module")
    if not isinstance(x, torch.Tensor) or x.dim() != 2:
        raise ValueError("x must be a tensor of shape (n, 64)")
    modes = [(module, module.training) for module in model.modules()]
    try:
        model.eval()
        with torch.no_grad():
            logits = model(x)
    finally:
        for module, mode in modes:
            module.training = mode
    if logits.dim() != 2:
        raise ValueError("the model must give logits of shape (n, 10)")
    answer = torch.topk(logits.to(torch.float64), k=1, dim=1).indices.squeeze(1)
    return answer.to(torch.int64).clone()


def _compared(model, dataset, batch_size=200):
    n = len(dataset)
    if n < 1:
        raise ValueError("the dataset is empty")
    true, read = [], []
    for start in range(0, n, batch_size):
        x, y = _stacked(dataset, range(start, min(start + batch_size, n)))
        true.extend(y.tolist())
        read.extend(predict(model, x).tolist())
    return np.array(true), np.array(read)


def accuracy(model, dataset):
    true, read = _compared(model, dataset)
    return np.count_nonzero(true == read) / true.size


def confusion(model, dataset):
    true, read = _compared(model, dataset)
    table = confusion_matrix(true, read, labels=list(range(CLASSES)))
    return torch.from_numpy(table.astype(np.int64))
