"""Step 19: capstone: digits.

Time: 120 minutes. Difficulty: 5 of 5. You need: all the steps before.

## Why

Now we read real handwriting: 1797 small images of the digits 0 to 9, which come with
scikit-learn. You will build, from scratch, a model that trains in a few seconds and reads
at least 95 % of digits that it has never seen.

## The data

An image has 8 x 8 = 64 pixels. A pixel is a number from 0 (white) to 16 (black). We divide
by 16, so that all numbers are between 0 and 1. Each image has a *label*: the digit that it
shows.

Try it:

    >>> from sklearn.datasets import load_digits
    >>> images, labels = load_digits(return_X_y=True)
    >>> images.shape, images.min(), images.max()
    ((1797, 64), np.float64(0.0), np.float64(16.0))
    >>> labels[0]
    np.int64(0)
    >>> for row in images[0].reshape(8, 8):
    ...     print("".join(" .:-=+*%@"[int(pixel) // 2] for pixel in row).rstrip())
      :*=
      *%+%:
     .%. +=
     :*  ==
     :=  ==
     :+  *-
     .%:+*
      -*+

    >>> [int((labels == digit).sum()) for digit in range(10)]
    [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]

We split into three parts: 70 % to learn from, 10 % to choose by, 20 % for the last word.
There are 174 to 183 images of each digit. A careless random split could take too many fours
and too few sevens. A *stratified* split takes 70, 10 and 20 % of each digit. (scikit-learn
has a function for two parts; for three, use it twice, and mind what the second fraction is
a fraction of.)

## Ten answers

There are ten answers, so the model gives ten numbers for each image, one for each digit.
They are called *logits*. The largest one is the prediction. A logit can be any number,
negative ones included. The labels are class numbers and not measurements: their dtype is
int64. A 3 is not between a 2 and a 4.

How wrong is a prediction? First make probabilities: *softmax* takes exp of each logit and
divides by the sum. Then the loss is the negative logarithm of the probability given to the
right class. This is the *cross-entropy*. Three logits, by hand; class 0 is right:

    logits           2       1       0
    exp(logit)     7.3891  2.7183  1.0000     sum 11.1073
    probability    0.6652  0.2447  0.0900     loss: -log(0.6652) = 0.4076

A confident right answer costs almost nothing, a confident wrong one costs a lot: with class
2 the loss is -log(0.0900) = 2.4076, 2 more than before: the difference of the two logits.

    >>> import torch
    >>> from torch import nn
    >>> logits = torch.tensor([[2.0, 1.0, 0.0]])
    >>> logits.exp(), logits.exp().sum()
    (tensor([[7.3891, 2.7183, 1.0000]]), tensor(11.1073))
    >>> torch.softmax(logits, dim=1)
    tensor([[0.6652, 0.2447, 0.0900]])
    >>> loss_fn = nn.CrossEntropyLoss()
    >>> loss_fn(logits, torch.tensor([0])), loss_fn(logits, torch.tensor([2]))
    (tensor(0.4076), tensor(2.4076))

Before training, all ten digits are about equally likely. So the first loss to expect is
-log(1/10):

    >>> f"{-torch.log(torch.tensor(1 / 10)).item():.2f}"
    '2.30'

If your first loss is 5, something is wrong before you begin.

There are two traps. `nn.CrossEntropyLoss` already applies softmax, so the model must not: a
softmax of a softmax learns badly. And exp is dangerous: exp(100.0) is more than float32 can
hold. But only differences of logits matter. When the largest logit is subtracted from all
of them, the probabilities stay the same, and no exp is larger than 1. (That helps exp, but
not yet the logarithm: a probability can be so small that it is 0, and log(0) is -inf. The
logarithm of a quotient is a difference.)

    >>> torch.tensor(100.0).exp(), torch.softmax(torch.tensor([1000.0, 999.0]), dim=0)
    (tensor(inf), tensor([0.7311, 0.2689]))
    >>> torch.softmax(torch.tensor([0.0, -1.0]), dim=0)
    tensor([0.7311, 0.2689])

## The result

The result is the *accuracy*: the fraction of images that are read correctly. Guessing gives
0.1. Which digits are mixed up? The *confusion matrix* shows it: entry `[i, j]` counts the
images of digit i that were read as digit j. Right answers are on the diagonal.

    true  read        confusion
     0     0            1 0 1      one 0 was read as 2
     0     2            0 1 0
     1     1            0 0 1
     2     2

Everything that you need is in the steps before: a model (10), a train step (12), loaders
(14), eval mode (15), a training loop (16). A network with one hidden layer of 64 units has
64 * 64 + 64 + 64 * 10 + 10 parameters:

    >>> 64 * 64 + 64 + 64 * 10 + 10
    4810

That is more than enough. Which optimizer, which learning rate, how many epochs? Try, and
let the validation part decide. (Adam, from step 18, is a good first choice.) A second or
two on one CPU core is enough. When all your functions are written:

    >>> from step_19_capstone import accuracy, load_data, train
    >>> train_set, val_set, test_set = load_data(seed=0)
    >>> model, history = train(train_set, val_set, seed=0)
    >>> accuracy(model, test_set) > 0.95
    True

## Recap

From one gradient by hand to a network that reads. What changed from step 03 to here is the
model and the loss. The loop is the same.

In PyTorch's documentation: "torch.nn.CrossEntropyLoss", "torch.argmax", "torch.optim.Adam";
in scikit-learn's: "train_test_split" (its `stratify`), "confusion_matrix".
"""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset


def load_data(seed: int) -> tuple[Dataset, Dataset, Dataset]:
    """Return the handwritten digits of scikit-learn as three datasets.

    An item of a dataset is a pair: the image, a float32 tensor of shape (64,) with the pixel
    values divided by 16, and its label, an int64 number from 0 to 9. Every one of the 1797
    images is in exactly one part. The split is random and stratified: of each digit, 70 % are in
    the training part, 10 % in the validation part and 20 % in the test part (up to one or two
    images more or less). The same seed gives the same split, another seed another one.

    Args:
        seed: seed of the split.

    Returns:
        Three datasets `(train, val, test)` with 70, 10 and 20 % of all images: about 1257, 180
        and 360 items.

    Example:
        >>> train, val, test = load_data(seed=0)
        >>> len(train) + len(val) + len(test)
        1797
        >>> image, label = train[0]
        >>> image.shape, image.dtype
        (torch.Size([64]), torch.float32)
    """
    images, labels = load_digits(return_X_y=True)
    x = torch.tensor(images / 16, dtype=torch.float32)
    y = torch.tensor(labels, dtype=torch.int64)
    x_rest, x_test, y_rest, y_test = train_test_split(
        x, y, test_size=0.2, stratify=y, random_state=seed
    )
    # 80 % are left, and an eighth of them is 10 % of all images.
    x_train, x_val, y_train, y_val = train_test_split(
        x_rest, y_rest, test_size=1 / 8, stratify=y_rest, random_state=seed
    )
    parts = (x_train, y_train), (x_val, y_val), (x_test, y_test)
    train, val, test = (TensorDataset(*part) for part in parts)
    return train, val, test


def build_model() -> nn.Module:
    """Return a new model, not yet trained, that reads a digit from 64 pixels.

    The model takes a float32 tensor of shape (n, 64) and gives logits: a float32 tensor of
    shape (n, 10), one number for each digit. Logits are no probabilities, no softmax was
    applied to them, and a logit can be any number. Log-softmax outputs count as logits
    too. The model has parameters that can be trained.

    Returns:
        The model.

    Example:
        >>> model = build_model()
        >>> model(torch.rand(5, 64)).shape
        torch.Size([5, 10])
    """
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of logits and labels, from scratch.

    None of PyTorch's own losses is used. For one image, the loss is the negative natural logarithm of
    the probability that softmax gives to the true class; the result is the mean over all
    images. It is finite and right for large logits too, such as 1000 and -1000, although
    exp(1000) does not fit into float32 and exp(-1000) is 0 there.

    Args:
        logits: float32 tensor of shape (n, k): for each image one number for each of k classes.
        labels: int64 tensor of shape (n,): the true classes, from 0 to k - 1.

    Returns:
        A float32 tensor that holds one number. `backward()` can go from it to `logits`.

    Example:
        >>> loss = cross_entropy(torch.zeros(2, 10), torch.tensor([3, 7]))  # log(10)
        >>> round(loss.item(), 3)
        2.303
        >>> logits = torch.tensor([[2.0, 1.0, 0.0], [-1000.0, 1000.0, 0.0]])
        >>> round(cross_entropy(logits, torch.tensor([0, 1])).item(), 3)  # the mean of 0.408 and 0
        0.204
    """
    # Subtracting the largest logit of a row changes no probability, and no exponential is above 1.
    shifted = logits - logits.max(dim=1, keepdim=True).values
    # The logarithm is taken of the sum, which is at least 1, and not of a probability, which can be 0.
    logs = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    return -logs[torch.arange(len(labels)), labels].mean()


def train(train_set: Dataset, val_set: Dataset, seed: int) -> tuple[nn.Module, dict]:
    """Train a new model on the training part.

    With the digits of `load_data`, the model reads at least 95 % of digits that it has never
    seen. The training should take less than 10 seconds on one CPU core; all trainings of the
    tests together have 60 seconds. Two calls with the same data and the same seed give models
    with the same logits, whatever random numbers were drawn before; another seed gives another
    model. To seed PyTorch's global generator is fine here, because a layer takes no generator
    of its own. The model does not learn from the validation part; it may be used to watch the
    training and to choose the best epoch. Both parts stay as they are.

    Args:
        train_set: dataset of pairs (image, label), an object with `len(dataset)` and `dataset[i]`.
        val_set: dataset of the same kind.
        seed: seed of everything that is random in the training.

    Returns:
        A pair `(model, history)`: the trained model, and what you noted during the training,
        for example a dict of losses. The content of `history` is up to you.

    Example:
        >>> train_set, val_set, _ = load_data(seed=0)
        >>> model, history = train(train_set, val_set, seed=0)
        >>> model(torch.rand(5, 64)).shape
        torch.Size([5, 10])
    """
    # One seed fixes both the first weights and the order of the batches.
    torch.manual_seed(seed)
    model = build_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    loss_fn = nn.CrossEntropyLoss()
    loader = DataLoader(train_set, batch_size=64, shuffle=True)
    history = {"train_losses": [], "val_accuracies": []}
    for _ in range(12):
        model.train()
        total = 0.0
        for x, y in loader:
            loss = loss_fn(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        history["train_losses"].append(total / len(train_set))
        history["val_accuracies"].append(accuracy(model, val_set))
    return model, history


def predict(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Return the digit that the model reads in each image.

    The model works in eval mode, in whatever mode it arrives. In which mode it is afterwards is
    up to you.

    Args:
        model: a model that gives logits of shape (n, 10).
        x: images, float32 tensor of shape (n, 64).

    Returns:
        int64 tensor of shape (n,): for each image the number of its largest logit. It has no
        gradient.

    Example:
        >>> logits = torch.tensor([[0.0, 3.0, 1.0], [2.0, -1.0, 1.0]])
        >>> predict(nn.Identity(), logits)
        tensor([1, 0])
    """
    was_training = model.training
    model.eval()
    with torch.no_grad():
        logits = model(x)
    model.train(was_training)
    return logits.argmax(dim=1)


def _true_and_predicted(model, dataset):
    """Return the labels of a dataset and the predictions of the model, int64 tensors (n,)."""
    batches = [(y, predict(model, x)) for x, y in DataLoader(dataset, batch_size=256)]
    return torch.cat([y for y, _ in batches]), torch.cat([yhat for _, yhat in batches])


def accuracy(model: nn.Module, dataset: Dataset) -> float:
    """Return the share of items that the model reads correctly.

    Args:
        model: a model that gives logits of shape (n, 10), in any mode; used in eval mode.
        dataset: dataset of pairs (image, label), with at least one item: an object with
            `len(dataset)` and `dataset[i]`.

    Returns:
        Right answers divided by all items, a scalar from 0 to 1. Every item counts the same.

    Example:
        >>> logits = torch.eye(10)[[3, 3, 5, 0]]
        >>> accuracy(nn.Identity(), TensorDataset(logits, torch.tensor([3, 3, 5, 9])))
        0.75
    """
    y, yhat = _true_and_predicted(model, dataset)
    return (y == yhat).double().mean().item()


def confusion(model: nn.Module, dataset: Dataset) -> torch.Tensor:
    """Return the table of true and predicted digits.

    Args:
        model: a model that gives logits of shape (n, 10), in any mode; used in eval mode.
        dataset: dataset of pairs (image, label), with at least one item: an object with
            `len(dataset)` and `dataset[i]`.

    Returns:
        int64 tensor of shape (10, 10): entry `[i, j]` is the number of items whose label is i
        and whose prediction is j. The sum of all entries is the number of items.

    Example:
        >>> logits = torch.eye(10)[[3, 3, 5]]
        >>> table = confusion(nn.Identity(), TensorDataset(logits, torch.tensor([3, 4, 5])))
        >>> table[3, 3].item(), table[4, 3].item(), table[3, 4].item(), table.sum().item()
        (1, 1, 0, 3)
    """
    y, yhat = _true_and_predicted(model, dataset)
    # Each pair (row, column) is one cell of a table with 10 columns: count the cells.
    return torch.bincount(y * 10 + yhat, minlength=100).reshape(10, 10)
