"""Chapter 19. Classifying handwritten digits."""

from typing import Dict, List, Tuple

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

NUMBER_OF_CLASSES = 10
NUMBER_OF_PIXELS = 64
LARGEST_PIXEL = 16.0


class DigitDataset(Dataset):
    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        scaled = images / LARGEST_PIXEL
        self.images = torch.tensor(scaled, dtype=torch.float32)
        self.labels = torch.tensor(labels, dtype=torch.long)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> Tuple[Tensor, Tensor]:
        return self.images[index], self.labels[index]


def load_data(seed: int) -> Tuple[Dataset, Dataset, Dataset]:
    digits = load_digits()
    indices = np.arange(len(digits.target))
    train_indices, other_indices = train_test_split(
        indices, train_size=0.7, shuffle=True, stratify=digits.target, random_state=seed
    )
    val_indices, test_indices = train_test_split(
        other_indices,
        train_size=1.0 / 3.0,
        shuffle=True,
        stratify=digits.target[other_indices],
        random_state=seed,
    )
    train_dataset = DigitDataset(digits.data[train_indices], digits.target[train_indices])
    val_dataset = DigitDataset(digits.data[val_indices], digits.target[val_indices])
    test_dataset = DigitDataset(digits.data[test_indices], digits.target[test_indices])
    return train_dataset, val_dataset, test_dataset


class DigitClassifier(nn.Module):
    def __init__(self, hidden_size: int = 48) -> None:
        super().__init__()
        self.hidden = nn.Linear(NUMBER_OF_PIXELS, hidden_size)
        self.tanh = nn.Tanh()
        self.output = nn.Linear(hidden_size, NUMBER_OF_CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        h = self.tanh(self.hidden(x))
        logits = self.output(h)
        return logits


def build_model() -> nn.Module:
    return DigitClassifier()


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    one_hot_labels = nn.functional.one_hot(labels, num_classes=logits.shape[1])
    maxima, _ = torch.max(logits, dim=1, keepdim=True)
    log_sums = maxima + torch.log(torch.sum(torch.exp(logits - maxima), dim=1, keepdim=True))
    log_probabilities = logits - log_sums
    losses = -torch.sum(one_hot_labels * log_probabilities, dim=1)
    return torch.mean(losses)


def train(
    train_set: Dataset, val_set: Dataset, seed: int
) -> Tuple[nn.Module, Dict[str, List[float]]]:
    torch.manual_seed(seed)
    model = build_model()
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=50)
    history: Dict[str, List[float]] = {"loss": [], "val_loss": []}

    for epoch in range(20):
        model.train()
        running_loss = 0.0
        for images, labels in train_loader:
            optimizer.zero_grad()
            logits = model(images)
            loss = criterion(logits, labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
        history["loss"].append(running_loss / len(train_loader))

        model.eval()
        running_loss = 0.0
        with torch.no_grad():
            for images, labels in val_loader:
                running_loss += criterion(model(images), labels).item()
        history["val_loss"].append(running_loss / len(val_loader))
    return model, history


def predict(model: nn.Module, x: Tensor) -> Tensor:
    model.eval()
    with torch.no_grad():
        logits = model(x)
        _, predicted_classes = torch.max(logits, dim=1)
    return predicted_classes


def accuracy(model: nn.Module, dataset: Dataset) -> float:
    loader = DataLoader(dataset, batch_size=100, shuffle=False)
    correct = 0
    total = 0
    for images, labels in loader:
        predictions = predict(model, images)
        correct += int((predictions == labels).sum())
        total += labels.shape[0]
    return correct / total


def confusion(model: nn.Module, dataset: Dataset) -> Tensor:
    matrix = torch.zeros((NUMBER_OF_CLASSES, NUMBER_OF_CLASSES), dtype=torch.int64)
    loader = DataLoader(dataset, batch_size=100, shuffle=False)
    for images, labels in loader:
        predictions = predict(model, images)
        for true_class, predicted_class in zip(labels, predictions):
            row = int(true_class)
            column = int(predicted_class)
            matrix[row, column] += 1
    return matrix
