"""Pictures of step 18: predicted against true values, beside least squares, and the three parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.content.pictures import style
from grader.content.pictures.picture import (
    Floats,
    Picture,
    labelled,
    plain,
    returned,
    scalar,
    table,
)
from grader.testing.answers import Answer
from grader.testing.probes import probe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SEED = 1
_NAMES = ("train", "val", "test")


def _seed() -> Mapping[str, Any]:
    return {"seed": _SEED}


@probe
def tables_of(parts):  # type: ignore[no-untyped-def]
    """Return the features and targets of datasets as tables."""
    found = []
    for part in parts:
        items = [part[i] for i in range(len(part))]
        found.append([np.stack([np.asarray(plain(item[i])) for item in items]) for i in (0, 1)])
    return found


@probe
def patients_predicted(module, seed):  # type: ignore[no-untyped-def]
    """Load the patients, train a model, predict for the test part, and make the report."""
    import torch

    train, val, test = module.load_data(seed)
    model, _ = module.train(train, val, seed)
    tables = tables_of([train, test])
    model.eval()
    with torch.no_grad():
        yhat = plain(model(torch.tensor(tables[1][0])))
    return {"load_data": tables, "predicted": yhat, "report": module.report(model, test)}


def _part(answer: Answer, name: str) -> tuple[Floats, Floats]:
    x, y = answer.parts("features", "targets")
    label = f"`load_data`: {name}"
    return table(labelled(x, f"{label} features"), None, 10), table(
        labelled(y, f"{label} targets"), None, 1
    )[:, 0]


def draw_predicted(figure: Figure, answer: Answer) -> str:
    """Draw predictions over true values, of the model and of least squares."""
    parts = returned(answer, "load_data").each()
    train, test = (
        _part(Answer(part.value, part.call), name)
        for part, name in zip(parts, ("train", "test"), strict=True)
    )
    predicted = table(labelled(answer.key("predicted"), "predictions"), len(test[1]), 1)[:, 0]
    report = returned(answer, "report")
    r2, baseline, rmse = (scalar(report.key(key)) for key in ("r2", "baseline_r2", "rmse"))
    design = np.column_stack([train[0], np.ones(len(train[0]))])
    solution = np.linalg.lstsq(design, train[1], rcond=None)[0]
    linear = np.column_stack([test[0], np.ones(len(test[0]))]) @ solution
    true = test[1]
    of_model, of_linear = (
        float(1 - ((true - p) ** 2).mean() / true.var()) for p in (predicted, linear)
    )
    left, axes = figure.subplots(1, 2, width_ratios=[1.3, 1])
    reach = np.array([min(true.min(), predicted.min()), max(true.max(), predicted.max())])
    left.plot(reach, reach, color=style.GREY, linewidth=1.2, label="predicted = true")
    left.plot(
        true,
        linear,
        "o",
        color=style.EXPECTED,
        markersize=6,
        alpha=0.8,
        markeredgewidth=0,
        label="least squares",
    )
    left.plot(true, predicted, "o", color=style.YOURS, markersize=4.5, label="your model")
    left.set_xlabel("true (standardized)")
    left.set_ylabel("predicted")
    left.legend(loc="upper left", bbox_to_anchor=(0, 1.02), fontsize=9)
    bars = (("your model", of_model, r2), ("least squares", of_linear, baseline))
    for place, (_, value, said) in enumerate(bars):
        axes.bar(
            place, value, width=0.55, color=style.YOURS if place == 0 else style.EXPECTED, zorder=3
        )
        axes.plot(
            [place],
            [said],
            "D",
            color=style.ORANGE,
            markersize=9,
            zorder=5,
            label="in your report" if place == 0 else "",
        )
        axes.text(place, max(value, said, 0) + 0.03, f"{value:.3f}", ha="center")
    axes.set_xticks([0, 1], [name for name, *_ in bars])
    axes.set_ylabel("R² on the test part")
    axes.set_ylim(min(-0.05, of_model, r2, baseline) * 1.1, 1)
    axes.grid(axis="x", visible=False)
    axes.axhline(0, color="#444444", linewidth=0.8)
    axes.legend(loc="upper right")
    axes.set_title(f"your report: rmse {rmse:.1f}", fontsize=10.5)
    return (
        f"Predicted against true values of {len(true)} patients. R² of the model is "
        f"{of_model:.3f} (the report says {r2:.3f}), "
        f"of least squares {of_linear:.3f} (the report says {baseline:.3f}). The report's rmse is {rmse:.1f}."
    )


@probe
def patients_loaded(module, seed):  # type: ignore[no-untyped-def]
    """Load the patients."""
    return {"load_data": tables_of(module.load_data(seed))}


def draw_parts(figure: Figure, answer: Answer) -> str:
    """Draw mean and spread of each column of the three parts."""
    parts = returned(answer, "load_data").parts(*_NAMES)
    said = []
    panels = style.panels(figure, 2, sharey=False)
    labels = [*map(str, range(10)), "y"]
    expected = ((265, 0.0), (88, None), (89, None))
    for part, name, colour, (count, _) in zip(
        parts, _NAMES, (style.TRAIN, style.VALIDATION, style.GREEN), expected, strict=True
    ):
        x, y = _part(labelled(part, ""), name)
        both = np.column_stack([x, y])
        for axes, values in zip(panels, (both.mean(axis=0), both.std(axis=0)), strict=True):
            axes.plot(
                range(11),
                values,
                "o",
                color=colour,
                markersize=6,
                label=f"{name}: {len(y)} patients",
            )
        said.append(
            f"{name} has {len(y)} patients, about {count} expected, with means up to "
            f"{np.abs(both.mean(axis=0)).max():.2g} from 0"
        )
    for axes, title, level in zip(
        panels, ("mean of each column", "standard deviation"), (0, 1), strict=True
    ):
        style.expected(axes, [-0.5, 10.5], [level, level], "expected in train")
        axes.set_xticks(range(11), labels)
        axes.set_xlabel("column")
        axes.set_title(title)
    panels[1].legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    return f"Three parts of the patients: {'; '.join(said)}."


PICTURES = [
    Picture(
        "parts", "The training part has mean 0 and deviation 1; the others only nearly, and that is right",
        ("load_data",), patients_loaded, draw_parts, _seed, (9.6, 3.8),
    ),
    Picture(
        "predicted", "Predicted against true: the nearer to the diagonal, the better",
        ("load_data", "train", "report"), patients_predicted, draw_predicted, _seed, (8.8, 4.3),
    ),
]  # fmt: skip
