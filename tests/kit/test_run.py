"""`run`: the learner's own functions together, as the tutorial's whole program."""

import shutil
import xml.etree.ElementTree as ElementTree

import pytest

from grader.course.paths import GIVEN, PROGRAM

from .conftest import ROOT, Kit, clean_environment, run_python

SOLUTIONS = ROOT / "solutions"


def grader(folder, *arguments):
    """Run a command of this kit in a folder."""
    environment = clean_environment() | {"PYTHONPATH": str(ROOT)}
    return run_python(folder, "-m", "grader", *arguments, environment=environment)


@pytest.fixture
def steps(tmp_path):
    """A folder with the solutions and the given modules, to be spoilt."""
    ignored = shutil.ignore_patterns("__pycache__")
    return shutil.copytree(SOLUTIONS, tmp_path / "steps", ignore=ignored)


def spoil(folder, module, old, new):
    path = folder / f"{module}.py"
    text = path.read_text("utf-8")
    assert old in text
    # The first one; a later function may have the same line.
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_the_solutions_print_the_tutorials_figures_and_draw_the_losses(tmp_path):
    ran = grader(tmp_path, "run", "--target", "solutions")
    assert ran.returncode == 0 and ran.stderr == "", ran.stderr
    lines = [" ".join(line.split()) for line in ran.stdout.splitlines()]
    for figures in (
        "NumPy, start a = 0.49671415 b = -0.13826430",
        "NumPy, 1000 epochs a = 1.02354094 b = 1.96896411",
        "scikit-learn a = 1.02354075 b = 1.96896447",
        "PyTorch on cpu, start a = 0.3367 b = 0.1288",
        "autograd, 1000 epochs a = 1.0235 b = 1.9690",
        "PyTorch's optimizer, 1000 epochs a = 1.0235 b = 1.9690",
        "your optimizer and your loss, 1000 epochs a = 1.0235 b = 1.9690",
    ):
        assert figures in lines
    batches, at_once = (
        line.partition("a =")[2] for line in lines if "150" in line or "call" in line
    )
    assert batches == at_once != ""
    assert "expected" not in ran.stdout
    picture = ElementTree.parse(tmp_path / "losses.svg").getroot()
    space = "{http://www.w3.org/2000/svg}"
    curves = [curve.get("points").split() for curve in picture.iter(f"{space}polyline")]
    assert [len(points) for points in curves] == [150, 150]
    words = {text.text for text in picture.iter(f"{space}text")}
    assert {"training", "validation", "epoch", "loss", "0.01", "0.1", "1"} <= words


def test_a_learner_who_is_half_way_reads_what_is_missing(tmp_path):
    learner = shutil.copytree(ROOT / "tests/kit/learner", tmp_path / "learner")
    ran = grader(tmp_path, "run", "--target", "learner")
    assert ran.returncode == 1 and ran.stdout == ""
    assert ran.stderr.splitlines() == [
        "3 things are missing before this program can run:",
        "  step 03 `numerical_gradients` is not written yet: open learner/step_03_gradient.py",
        "  step 07: there is no learner/step_07_graph.py",
        "  step 08 is not valid Python: open learner/step_08_optimizer.py, line 7",
    ]
    assert not list(learner.glob("*.svg")) and not list(tmp_path.glob("*.svg"))


def test_what_a_needed_function_needs_is_missing_too(steps, tmp_path):
    stub = '    raise NotImplementedError("`update_` is not written yet.")\n'
    spoil(
        steps,
        "step_06_autograd",
        "    with torch.no_grad():\n        for p in",
        f"{stub}def g(p):\n    if p:\n        for p in",
    )
    spoil(steps, "step_10_models", "class ManualLinearRegression", "class Another")
    ran = grader(tmp_path, "run", "--target", "steps")
    assert ran.returncode == 1
    assert ran.stderr.splitlines() == [
        "2 things are missing before this program can run:",
        "  step 06 `update_` is not written yet: open steps/step_06_autograd.py",
        "  step 10 `ManualLinearRegression` is not written yet: open steps/step_10_models.py",
    ]


def test_stubs_alone_name_every_function_and_the_next_command(tmp_path):
    kit = Kit.real(tmp_path)
    shutil.copytree(ROOT / "exercises", kit.root / "exercises")
    assert kit.grader("stubs", "--force").returncode == 0
    ran = kit.grader("run")
    assert ran.returncode == 1 and "Traceback" not in ran.stderr
    line = "  step 12 `make_train_step` is not written yet: open exercises/step_12_train_step.py"
    assert line in ran.stderr.splitlines()
    assert ran.stderr.splitlines()[-1] == "make check says more. When all is right: make run"
    # The program does it without the kit as well.
    alone = run_python(kit.root / "exercises", f"{PROGRAM}.py")
    assert alone.returncode == 1 and "open step_12_train_step.py" in alone.stderr


def test_a_wrong_fit_is_told_from_the_tutorials(steps, tmp_path):
    spoil(
        steps,
        "step_04_descent",
        "        a = a - lr * a_grad\n",
        "        a = a - lr * a_grad / 99\n",
    )
    ran = grader(tmp_path, "run", "--target", "steps")
    assert ran.returncode == 0, ran.stderr
    (line,) = (line for line in ran.stdout.splitlines() if "but expected" in line)
    assert line.startswith("NumPy, 1000 epochs")
    assert line.endswith("but expected: 1.02354094 and 1.96896411")


@pytest.mark.parametrize(
    ("module", "old", "new", "words"),
    [
        (
            "step_06_autograd",
            "        losses.append(loss.item())\n",
            "        losses.append(1 / 0)\n",
            [
                "The program stopped: step 06 `fit` ended with an error.",
                "    losses.append(1 / 0)",
                "ZeroDivisionError: division by zero",
                "To mend it, open steps/step_06_autograd.py, line ",
            ],
        ),
        (
            "step_04_descent",
            "    return a, b, losses\n",
            "    pass\n",
            [
                "    a, b, losses = fit_numpy(x_train, y_train, a, b, LR, N_EPOCHS)",
                "TypeError: cannot unpack non-iterable NoneType object",
                "Does each function in this line return what its lesson says?",
            ],
        ),
        (
            "step_04_descent",
            "    generator = np.random.RandomState(seed)\n    a = ",
            "    if seed:\n        raise NotImplementedError('`init_parameters` is begun.')\n    a = ",
            [
                "The program stopped. Step 04: `init_parameters` is begun. open steps/step_04_descent.py"
            ],
        ),
        (
            "step_05_devices",
            "\nimport time\n",
            "\nimport tiem\n",
            ["ModuleNotFoundError: No module named 'tiem'", "open steps/step_05_devices.py, line "],
        ),
    ],
    ids=["an error", "no result", "begun", "at the import"],
)
def test_an_error_is_said_in_sentences(steps, tmp_path, module, old, new, words):
    spoil(steps, module, old, new)
    ran = grader(tmp_path, "run", "--target", "steps")
    assert ran.returncode == 1 and "Traceback" not in ran.stderr
    for line in words:
        assert line in ran.stderr


def test_what_a_folder_lacks_of_the_given_modules_comes_from_the_kit(steps, tmp_path):
    for module in GIVEN:
        (steps / f"{module}.py").unlink()
    (steps / "step_07_graph.py").unlink()
    place = tmp_path / "handed in"
    place.mkdir()
    steps.rename(place / "exercises")
    ran = grader(tmp_path, "run", "--target", str(place))
    assert ran.returncode == 1
    # The kit's own steps are never taken for the learner's.
    assert "step 07: there is no handed in/exercises/step_07_graph.py" in ran.stderr
    nowhere = grader(tmp_path, "run", "--target", "nowhere")
    assert nowhere.returncode == 2 and "nowhere is no folder" in nowhere.stderr
