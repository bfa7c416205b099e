"""Step 19, hidden: turned and renamed digits, and made-up models, so that nothing can be known in advance.

Only one test trains on many digits; three trainings on a few show that training is reproducible.
"""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import TensorDataset

from grader.content.capstones import check_digit_counts, check_stratified, check_table, digit_parts
from grader.content.references import is_loss
from grader.content.shared_probes import (
    items_of,
    learn_by_hand,
    load_often,
    pairs,
    seed_all,
    torchs_losses,
    train_often,
)
from grader.testing.probes import probe
from grader.testing.strategies import seeds, sizes, tensors

IMAGES, LABELS = load_digits(return_X_y=True)
NAMES = ("train", "val", "test")
NEW_NAMES = torch.tensor([6, 4, 9, 0, 2, 8, 5, 3, 1, 7])


def new_digits(n_train, n_val, n_unseen, state):
    """Return three stratified parts of the digits, lying on their side and renamed."""
    return digit_parts(
        lambda images: images.transpose(1, 2), NEW_NAMES, n_train, n_val, n_unseen, state
    )


def odd_pictures():
    """Return five pictures that are not digits, each with the label that it gets in the test."""
    pictures = torch.zeros(5, 8, 8)
    pictures[0, ::2] = pictures[1, :, ::2] = pictures[2, :2] = pictures[3, :, 6:] = 1.0
    pictures[4, 2:6] = pictures[4, :, 2:6] = 1.0
    return pictures.reshape(5, 64), torch.tensor([5, 8, 1, 3, 6])


# load_data


@probe
def load_and_read(module, seed, before):
    "seed the global generators with `before`, load the data, and read the three parts"
    seed_all(before)
    train, val, test = module.load_data(seed=seed)
    return [items_of(train), items_of(val), items_of(test)]


@probe
def load_labels(module, seed):
    "load the data and read the labels of the three parts"
    return [items_of(part)[1] for part in module.load_data(seed=seed)]


@pytest.mark.exercise("load_data", "every image once, with its label, divided by 16", points=3)
@settings(max_examples=2)
@given(seed=seeds(), before=seeds())
def test_load_data_is_complete(learner, seed, before):
    answer = learner.run(load_and_read, seed=seed, before=before)
    found = []
    for part in answer.parts(*NAMES):
        images, labels = part.parts("images", "labels")
        images = images.tensor((None, 64), torch.float32).double().numpy() * 16
        labels = labels.tensor((len(images),), torch.int64).numpy()
        part.check(
            (abs(images - images.round()) < 1e-3).all()
            and images.min() >= 0
            and images.max() <= 16,
            "Expected the pixels of scikit-learn, each divided by 16.",
        )
        rows = images.round().astype(np.int8)
        found.append(Counter((row.tobytes(), int(y)) for row, y in zip(rows, labels, strict=True)))
    check_digit_counts(answer, [sum(part.values()) for part in found])
    rows = IMAGES.astype(np.int8)
    everything = Counter((row.tobytes(), int(y)) for row, y in zip(rows, LABELS, strict=True))
    for i, j in ((0, 1), (0, 2), (1, 2)):
        both = len(found[i].keys() & found[j].keys())
        answer.check(
            both == 0,
            f"Expected no images that are in both {NAMES[i]} and {NAMES[j]}, got {both}.",
        )
    answer.check(
        found[0] + found[1] + found[2] == everything,
        "Expected the three parts together to hold the 1797 images of scikit-learn, each once and with "
        "its own label.",
    )


@pytest.mark.exercise("load_data", "each digit has its share in every part", points=3)
@settings(max_examples=2)
@given(seed=seeds())
def test_load_data_is_stratified(learner, seed):
    answer = learner.run(load_labels, seed=seed)
    parts = [part.tensor((None,), torch.int64).numpy() for part in answer.parts(*NAMES)]
    check_digit_counts(answer, [len(labels) for labels in parts])
    for name, labels in zip(NAMES, parts, strict=True):
        check_stratified(answer, name, labels)


@pytest.mark.exercise("load_data", "the seed alone decides", points=2)
@settings(max_examples=2)
@given(seed=st.just(0), other=st.integers(1, 10**6), before=st.integers(0, 10**6))
def test_load_data_depends_on_its_seed(learner, seed, other, before):
    answer = learner.run(load_often, seeds=[seed, seed + other, seed], before=before)
    first, second, again = (
        [
            {row.numpy().tobytes() for row in part.tensor((None, 64), torch.float32)}
            for part in split.parts("val", "test")
        ]
        for split in answer.parts("first", "other", "first again")
    )
    answer.check(first == again, "The same seed gave a different split the second time.")
    for name, part, part_of_other in zip(NAMES[1:], first, second, strict=True):
        answer.check(
            part != part_of_other,
            f"The seeds {seed} and {seed + other} give the same {name} part.",
        )


# build_model


@probe
def logits_together_and_alone(module, x, seed):
    """build a model, and look at the logits of all images together, and of each image alone, in eval mode; then
    look for the lowest and the highest logit of five more models"""
    seed_all(seed)
    model = module.build_model().eval()
    with torch.no_grad():
        more = torch.stack([module.build_model().eval()(x) for _ in range(5)])
        logits = [model(x), torch.cat([model(image[None]) for image in x])]
    return {"logits": logits, "lowest": more.min(), "highest": more.max()}


@pytest.mark.exercise("build_model", "ten logits for each image", points=3)
@given(n=sizes(1, 7), first=st.integers(0, 1700), seed=seeds())
def test_build_model_logits(learner, n, first, seed):
    x = torch.tensor(IMAGES[first : first + n] / 16).float()
    answer = learner.run(logits_together_and_alone, x=x, seed=seed)
    together, alone = (
        part.tensor((n, 10), torch.float32)
        for part in answer.key("logits").parts("together", "alone")
    )
    answer.check(
        torch.allclose(together, alone, rtol=1e-3, atol=1e-4),
        "The logits of an image depend on the other images of the batch.",
    )
    answer.check(
        not (together >= 0).all()
        or not torch.allclose(together.sum(dim=1), torch.ones(n), atol=1e-3),
        "The ten numbers of each image are probabilities. The loss function applies softmax by itself, "
        "so the model must not.",
    )
    # The ten logits of an untrained model are all positive in 1 of 1000 models, and practically never in five.
    lowest, highest = answer.key("lowest").scalar(), answer.key("highest").scalar()
    answer.check(
        lowest < 0 or highest <= 0,
        f"The lowest of many logits of five new models is {lowest:.4g}, so it seems that none can be negative. A "
        "logit can be any number: does the model end with an activation?",
    )


@pytest.mark.exercise("build_model", "a new model that learns", points=3)
@settings(max_examples=6)
@given(n=sizes(3, 9), first=st.integers(0, 1700), seed=seeds(), lr=st.sampled_from([0.01, 0.02]))
def test_build_model_learns(learner, n, first, seed, lr):
    x = torch.tensor(IMAGES[first : first + n] / 16).float()
    labels = NEW_NAMES[torch.tensor(LABELS[first : first + n])]
    answer = learner.run(learn_by_hand, loss="cross_entropy", x=x, y=labels, seed=seed, lr=lr)
    logits = []
    for name in ("before", "after"):
        for part in answer.key(name).parts("the model", "another model"):
            logits.append(part.tensor((n, 10), torch.float32).double())
    losses = [float(nn.functional.cross_entropy(v, labels)) for v in logits]
    answer.check(
        losses[2] < losses[0],
        f"Expected the cross-entropy to fall in some steps of gradient descent, but it was {losses[0]:.6g} "
        f"before and {losses[2]:.6g} afterwards: do the parameters receive gradients?",
    )
    answer.check(
        torch.allclose(logits[1], logits[3], rtol=1e-4, atol=1e-5),
        "One model learned, and another model changed too: they share their parameters.",
    )


# cross_entropy


@probe
def loss_and_gradient(module, logits, labels, factor, before):
    """make a leaf of `logits`, compute the cross-entropy of `factor * logits`, while PyTorch's own losses are
    refused, call `backward()`, and collect loss and gradient; look at `labels` again"""
    seed_all(before)
    leaf, given = logits.clone().requires_grad_(), labels.clone()
    with torchs_losses(refused=True):
        loss = module.cross_entropy(factor * leaf, given)
        if isinstance(loss, torch.Tensor) and loss.requires_grad and loss.numel() == 1:
            loss.sum().backward()
    return {"loss": loss, "gradient": leaf.grad, "labels": given}


def check_cross_entropy(answer, logits, labels, factor, atol):
    """Check the answer of `loss_and_gradient` against float64."""
    logits = (factor * logits.double()).requires_grad_()
    loss = nn.functional.cross_entropy(logits, labels)
    loss.backward()
    is_loss(answer.key("loss"), loss.item(), rtol=1e-4, atol=atol)
    gradient = answer.key("gradient")
    gradient.check(
        gradient.value is not None,
        "Expected a gradient in the logits, got None. The loss must be a tensor that is still connected to "
        "them.",
    )
    gradient.is_close((factor * logits.grad).float(), rtol=1e-3, atol=atol * factor)
    answer.key("labels").equals(labels)


@st.composite
def logits_and_labels(draw):
    """Two to six images and two to nine classes; never as many images as classes."""
    n, k = draw(st.sampled_from([(n, k) for n in range(2, 7) for k in range(2, 10) if n != k]))
    labels = draw(st.lists(st.integers(0, k - 1), min_size=n, max_size=n))
    return draw(tensors((n, k))), torch.tensor(labels)


@pytest.mark.exercise("cross_entropy", "any logits, and the gradient that flows back", points=4)
@given(case=logits_and_labels(), factor=st.sampled_from([0.5, 1.0, 2.0]), before=seeds())
def test_cross_entropy_any_logits(learner, case, factor, before):
    logits, labels = case
    answer = learner.run(
        loss_and_gradient, logits=logits, labels=labels, factor=factor, before=before
    )
    check_cross_entropy(answer, logits, labels, factor, 1e-5)


@pytest.mark.exercise("cross_entropy", "logits that are far from 0", points=3)
@given(case=logits_and_labels(), shift=st.sampled_from([-900.0, 900.0]), before=seeds())
def test_cross_entropy_far_from_zero(learner, case, shift, before):
    logits, labels = case
    logits = logits + shift
    answer = learner.run(loss_and_gradient, logits=logits, labels=labels, factor=1.0, before=before)
    # float32 keeps 900 to within 3e-5, and a loss is the difference of two such numbers.
    check_cross_entropy(answer, logits, labels, 1.0, 2e-4)


@pytest.mark.exercise("cross_entropy", "a true class that is as good as impossible", points=3)
@given(case=logits_and_labels(), gap=st.sampled_from([200.0, 1000.0]), before=seeds())
def test_cross_entropy_of_the_impossible(learner, case, gap, before):
    logits, labels = case
    logits = logits.clone()
    logits[0, labels[0]] = -gap
    answer = learner.run(loss_and_gradient, logits=logits, labels=labels, factor=1.0, before=before)
    check_cross_entropy(answer, logits, labels, 1.0, 2e-4)


# train


@probe
def train_and_read(module, train, val, images, seed):
    "train on digits that are turned and renamed, and look at the logits of some images in eval mode"
    model, _ = module.train(train_set=TensorDataset(*train), val_set=TensorDataset(*val), seed=seed)
    model.eval()
    with torch.no_grad():
        return model(images)


@pytest.mark.exercise("train", "digits that were never seen are read correctly", points=5)
def test_train_once(learner):
    train, (x, y), (unseen, names) = new_digits(1257, 180, 360, 11)
    odd, odd_names = odd_pictures()
    # The odd pictures are only in the validation part: a model that knows their labels has learned from it.
    val = (torch.cat([x, odd.repeat(4, 1)]), torch.cat([y, odd_names.repeat(4)]))
    images = torch.cat([unseen, odd])
    answer = learner.run(train_and_read, train=train, val=val, images=images, seed=5)
    logits = answer.tensor((365, 10), torch.float32)
    predicted = logits.argmax(dim=1)
    share = float((predicted[:360] == names).double().mean())
    # The goal is 95 %. On 360 digits, a model that is a little better can fall below it by chance.
    answer.check(
        share >= 0.93,
        f"The model reads {share:.1%} of 360 unseen digits correctly. The goal is at least 95 %, and "
        "this test accepts 93 %.",
    )
    right = int((predicted[360:] == odd_names).sum())
    answer.check(
        right < 5,
        "The model knows the made-up labels of all five odd pictures, which are only in the validation "
        "part: it has learned from the validation part.",
    )


@pytest.mark.exercise(
    "train", "the same seed gives the same model, whatever was drawn before", points=2
)
@settings(max_examples=1)
@given(other=sizes(1, 10**6))
def test_train_is_reproducible(learner, other):
    train, val, (unseen, _) = new_digits(160, 20, 360, 12)
    images, seeds_ = unseen[:9], [0, 0, other]
    answer = learner.run(train_often, train=train, val=val, x=images, seeds=seeds_)
    first, second, third = (
        part.tensor((9, 10)).double()
        for part in answer.parts("seed 0", "seed 0 again", "another seed")
    )
    answer.check(
        not torch.allclose(first, third, rtol=1e-4, atol=1e-5),
        f"The seeds 0 and {other} give the same model. The seed is not used.",
    )
    answer.check(
        torch.allclose(first, second, rtol=1e-4, atol=1e-5),
        "Two trainings with the same data and the same seed give different models. The seed must "
        "fix both the first weights and the order of the batches.",
    )


# predict, accuracy, confusion


@probe
def reader(kind, columns, training):
    "a model whose logits are the pixels of ten columns, after Dropout, after BatchNorm, or after neither"

    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, x):
            return x[:, columns] * self.scale

    layers = {"plain": [], "Dropout": [nn.Dropout(0.5)], "BatchNorm": [nn.BatchNorm1d(64)]}
    return nn.Sequential(*layers[kind], Reader()).train(training)


@probe
def predict_by_columns(module, kind, columns, training, x):
    "predict with a model whose logits are the pixels of ten columns"
    return module.predict(model=reader(kind, columns, training), x=x)


@probe
def accuracy_by_columns(module, kind, columns, training, x, labels):
    "compute the accuracy of a model whose logits are the pixels of ten columns"
    return module.accuracy(model=reader(kind, columns, training), dataset=pairs(x, labels))


@probe
def confusion_by_columns(module, kind, columns, training, x, labels):
    "compute the confusion of a model whose logits are the pixels of ten columns"
    return module.confusion(model=reader(kind, columns, training), dataset=pairs(x, labels))


def images_of(digits, columns, factor, shift):
    """Return images for which a reader of these columns reads these digits: no two logits are equal."""
    n = len(digits)
    x = torch.full((n, 64), 3.0)
    # An order of the other nine logits that changes from row to row.
    order = (3 * torch.arange(10) + 7 * torch.arange(n)[:, None]) % 10
    order[torch.arange(n), torch.tensor(digits)] = 12
    x[:, columns] = factor * (order.float() + shift)
    return x


readers = {
    "kind": st.sampled_from(["plain", "Dropout", "BatchNorm"]),
    "columns": st.permutations(range(64)).map(lambda order: order[:10]),
    "training": st.booleans(),
}
looks = {"factor": st.sampled_from([0.02, 1.0, 16.0]), "shift": st.sampled_from([-20.0, -5.5, 2.0])}
digit_lists = st.lists(st.integers(0, 9), min_size=1, max_size=9)
pair_lists = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40)


@pytest.mark.exercise("predict", "any columns, any logits, any mode", points=3)
@given(digits=digit_lists, **readers, **looks)
def test_predict_any_logits(learner, digits, kind, columns, training, factor, shift):
    x = images_of(digits, columns, factor, shift)
    answer = learner.run(predict_by_columns, kind=kind, columns=columns, training=training, x=x)
    predicted = answer.tensor((len(digits),), torch.int64)
    answer.check(
        predicted.tolist() == digits,
        f"Expected {digits}, got {predicted.tolist()}. Is it the index of the largest logit, and is "
        "the model in eval mode?",
    )


@pytest.mark.exercise("predict", "each image as if it were alone", points=3)
@given(digits=digit_lists, training=st.booleans(), columns=readers["columns"])
def test_predict_of_growing_images(learner, digits, training, columns):
    # The rows grow, so BatchNorm in training mode, which uses all rows, would change what is read.
    x = images_of(digits, columns, 1.0, 2.0) * torch.arange(1.0, len(digits) + 1)[:, None]
    answer = learner.run(
        predict_by_columns, kind="BatchNorm", columns=columns, training=training, x=x
    )
    answer.equals(torch.tensor(digits))


@pytest.mark.exercise("accuracy", "any model, any labels", points=3)
@given(pairs=pair_lists, **readers)
def test_accuracy_any_labels(learner, pairs, kind, columns, training):
    digits, labels = map(list, zip(*pairs, strict=True))
    x = images_of(digits, columns, 1.0, -5.5)
    answer = learner.run(
        accuracy_by_columns, kind=kind, columns=columns, training=training, x=x,
        labels=torch.tensor(labels),
    )  # fmt: skip
    answer.is_close(float(np.mean(np.equal(digits, labels))), rtol=1e-5, atol=1e-6)


@pytest.mark.exercise("accuracy", "the last items count as much as the first", points=3)
@settings(max_examples=3)
@given(n=sizes(1001, 1100), wrong=sizes(1, 5), columns=readers["columns"], digit=st.integers(0, 9))
def test_accuracy_of_many_items(learner, n, wrong, columns, digit):
    digits = [(digit + i) % 10 for i in range(n)]
    labels = torch.tensor(digits)
    labels[-wrong:] = (labels[-wrong:] + 1) % 10
    answer = learner.run(
        accuracy_by_columns, kind="Dropout", columns=columns, training=True,
        x=images_of(digits, columns, 1.0, -5.5), labels=labels,
    )  # fmt: skip
    answer.is_close(1 - wrong / n, rtol=1e-5, atol=1e-6)


def check_counts(answer, digits, labels):
    """Check a table of true and predicted digits; name the first entry that differs."""
    expected = torch.zeros(10, 10, dtype=torch.int64)
    for digit, label in zip(digits, labels, strict=True):
        expected[label, digit] += 1
    check_table(answer, answer.tensor((10, 10), torch.int64), expected)


@pytest.mark.exercise("confusion", "any model, any labels", points=3)
@given(pairs=pair_lists, **readers)
def test_confusion_any_labels(learner, pairs, kind, columns, training):
    digits, labels = map(list, zip(*pairs, strict=True))
    answer = learner.run(
        confusion_by_columns, kind=kind, columns=columns, training=training,
        x=images_of(digits, columns, 1.0, -5.5), labels=torch.tensor(labels),
    )  # fmt: skip
    check_counts(answer, digits, labels)


@pytest.mark.exercise("confusion", "many items, few different digits", points=3)
@settings(max_examples=3)
@given(n=sizes(1001, 1100), columns=readers["columns"], top=sizes(1, 9), step=sizes(1, 4))
def test_confusion_of_many_items(learner, n, columns, top, step):
    digits = [i % (top + 1) for i in range(n)]
    labels = [(i * step) % 3 for i in range(n)]
    answer = learner.run(
        confusion_by_columns, kind="Dropout", columns=columns, training=True,
        x=images_of(digits, columns, 1.0, -5.5), labels=torch.tensor(labels),
    )  # fmt: skip
    check_counts(answer, digits, labels)
