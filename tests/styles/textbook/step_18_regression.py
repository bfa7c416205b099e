"""Chapter 18. Predicting the progress of a disease."""

import copy
from typing import Dict, List, Tuple

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

NUMBER_OF_FEATURES = 10


class DiabetesDataset(Dataset):
    def __init__(self, features: np.ndarray, targets: np.ndarray) -> None:
        self.features = torch.tensor(features, dtype=torch.float32)
        self.targets = torch.tensor(targets, dtype=torch.float32)

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> Tuple[Tensor, Tensor]:
        return self.features[index], self.targets[index]


class TestDataset(DiabetesDataset):
    """A test set that knows how its targets were scaled, and the least-squares line."""

    def __init__(self, features, targets, target_scaler, linear_regression) -> None:
        super().__init__(features, targets)
        self.target_scaler = target_scaler
        self.linear_regression = linear_regression


def load_data(seed: int) -> Tuple[Dataset, Dataset, Dataset]:
    features, targets = load_diabetes(return_X_y=True)
    targets = targets[:, np.newaxis]
    x_other, x_test, y_other, y_test = train_test_split(
        features, targets, test_size=0.2, random_state=seed
    )
    x_train, x_val, y_train, y_val = train_test_split(
        x_other, y_other, test_size=0.25, random_state=seed
    )
    feature_scaler = StandardScaler().fit(x_train)
    target_scaler = StandardScaler().fit(y_train)
    x_train, x_val, x_test = [feature_scaler.transform(x) for x in (x_train, x_val, x_test)]
    y_train, y_val, y_test = [target_scaler.transform(y) for y in (y_train, y_val, y_test)]
    linear_regression = LinearRegression().fit(x_train, y_train)
    return (
        DiabetesDataset(x_train, y_train),
        DiabetesDataset(x_val, y_val),
        TestDataset(x_test, y_test, target_scaler, linear_regression),
    )


class Regressor(nn.Module):
    def __init__(self, hidden_size: int = 16) -> None:
        super().__init__()
        self.hidden = nn.Linear(NUMBER_OF_FEATURES, hidden_size)
        self.relu = nn.ReLU()
        self.output = nn.Linear(hidden_size, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.relu(self.hidden(x)))


def build_model() -> nn.Module:
    return Regressor()


def train(
    train_set: Dataset, val_set: Dataset, seed: int
) -> Tuple[nn.Module, Dict[str, List[float]]]:
    torch.manual_seed(seed)
    model = build_model()
    criterion = nn.MSELoss()
    optimizer = optim.Adam(model.parameters(), lr=0.003)
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=32)
    history: Dict[str, List[float]] = {"loss": [], "val_loss": []}
    best_loss = float("inf")
    best_state = None

    for epoch in range(60):
        model.train()
        running_loss = 0.0
        for features, targets in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(features), targets)
            loss.backward()
            optimizer.step()
            running_loss += loss.item() * len(features)
        history["loss"].append(running_loss / len(train_set))

        model.eval()
        running_loss = 0.0
        with torch.no_grad():
            for features, targets in val_loader:
                running_loss += criterion(model(features), targets).item() * len(features)
        val_loss = running_loss / len(val_set)
        history["val_loss"].append(val_loss)
        if val_loss < best_loss:
            best_loss = val_loss
            best_state = copy.deepcopy(model.state_dict())

    model.load_state_dict(best_state)
    return model, history


def report(model: nn.Module, test: Dataset) -> Dict[str, float]:
    model.eval()
    with torch.no_grad():
        predictions = model(test.features)
    true_values = test.target_scaler.inverse_transform(test.targets.numpy())
    predicted_values = test.target_scaler.inverse_transform(predictions.numpy())
    baseline_values = test.linear_regression.predict(test.features.numpy())
    return {
        "r2": r2_score(true_values, predicted_values),
        "rmse": float(np.sqrt(mean_squared_error(true_values, predicted_values))),
        "baseline_r2": r2_score(test.targets.numpy(), baseline_values),
    }
