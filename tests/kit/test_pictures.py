"""Pictures: drawn from what learners' code returns, by real workers, whatever it returns."""

import hashlib
import importlib
import json
import os
import re
import select
import shutil
import struct
import subprocess
import sys
import textwrap
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from grader.course.course import Course
from grader.course.paths import MEMORY
from grader.judge import pictures as judge_pictures
from grader.judge.pictures import draw_pictures, pictures_of
from grader.submissions.submission import Submission
from grader.testing.answers import Answer, Call, Mismatch

from .conftest import OUTER_LIMIT, ROOT, clean_environment, run_python

pytest.importorskip("matplotlib")
Image = pytest.importorskip("PIL.Image")

COURSE = Course.load(ROOT)
WITH_PICTURES = [step for step in COURSE.steps if pictures_of(step)]
ALL = [(step.id, picture.name) for step in WITH_PICTURES for picture in pictures_of(step)]
SVG = "{http://www.w3.org/2000/svg}"


def show(folder, *arguments):
    """Run the command in a folder."""
    environment = clean_environment() | {"PYTHONPATH": str(ROOT)}
    return run_python(folder, "-m", "grader", "show", *arguments, environment=environment)


def pixels(file):
    with Image.open(file) as image:
        return np.asarray(image.convert("RGB"), dtype=int)


def parsed_svg(file):
    """Return the root of an SVG file, after making sure that nothing in it acts or loads anything."""
    text = file.read_text("utf-8")
    assert "<script" not in text and "javascript:" not in text
    root = ElementTree.fromstring(text)
    for element in root.iter():
        assert element.tag.rpartition("}")[2] not in (
            "script",
            "foreignObject",
            "a",
            "animate",
            "set",
        )
        for name, value in element.attrib.items():
            name = name.rpartition("}")[2]
            assert not name.startswith("on"), name
            if name == "href":
                assert value.startswith(("#", "data:image/png;base64,")), value[:40]
    return root


def dates_and_versions(file):
    return [
        word for word in (b"dc:date", b"Matplotlib v", b"Software") if word in file.read_bytes()
    ]


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """All pictures of the solutions, and what the command said; by two commands at once."""
    folder = tmp_path_factory.mktemp("solved")
    ids = [step.id for step in WITH_PICTURES]
    halves = ids[: len(ids) * 6 // 10], ids[len(ids) * 6 // 10 :]
    target = str(ROOT / "solutions")

    def half(names):
        return show(folder, *names, "--target", target, "--out", str(folder))

    with ThreadPoolExecutor(2) as pool:
        ran = list(pool.map(half, halves))
    for one in ran:
        assert one.returncode == 0, one.stdout + one.stderr
    return folder, "".join(one.stdout for one in ran)


def test_every_step_but_those_of_single_numbers_has_pictures():
    without = {step.id for step in COURSE.steps} - {step.id for step in WITH_PICTURES}
    assert without == {"00", "05"}
    assert len(set(ALL)) == len(ALL)
    for step in WITH_PICTURES:
        functions = (ROOT / step.solution).read_text("utf-8")
        for picture in pictures_of(step):
            assert re.fullmatch(r"[a-z0-9-]+", picture.name)
            assert len(picture.title) < 95 and not picture.title.endswith(".")
            for name in picture.needs:
                assert re.search(rf"^(def|class) {name}\b", functions, re.MULTILINE), name


@pytest.mark.parametrize(("step", "name"), ALL)
def test_the_pictures_of_the_solutions_are_drawn(solved, step, name):
    folder, said = solved
    image = pixels(folder / f"step_{step}" / f"{name}.png")
    height, width, _ = image.shape
    assert 600 <= width <= 1300 and 350 <= height <= 800
    # More than a title on white.
    drawn = (image < 200).any(axis=2)
    assert 0.005 < drawn.mean() < 0.9
    assert drawn[height // 2 :].any() and drawn[:, width // 2 :].any()
    # Nothing is cut off at the edges.
    assert not (drawn[:2].any() or drawn[-2:].any() or drawn[:, :2].any() or drawn[:, -2:].any())
    file = folder / f"step_{step}" / f"{name}.svg"
    assert len(list(parsed_svg(file).iter(f"{SVG}path"))) > 5
    assert file.stat().st_size < 700_000
    assert not dates_and_versions(file) + dates_and_versions(file.with_suffix(".png"))
    assert f"{name}.png" in said


def test_nothing_that_is_right_looks_wrong(solved):
    _, said = solved
    words = " ".join(said.split())
    for wrong in (
        "not the expected",
        "differs from",
        "differ.",
        "not exactly",
        "as expected is not",
    ):
        assert wrong not in words, wrong
    assert "They are the expected ones." in words and "on the expected path" in words


def test_stubs_wait_for_the_functions_of_the_step(tmp_path, direct_launcher, monkeypatch):
    # In this process, probes write their files into the working folder.
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    folder = tmp_path / "pictures"
    # In this process: the zygote would need ten seconds to load the packages of all steps.
    submission = Submission.read(ROOT / "exercises", COURSE)
    for step in WITH_PICTURES:
        for drawn in draw_pictures(COURSE, direct_launcher, submission, step, folder):
            picture = next(one for one in pictures_of(step) if one.name == drawn.name)
            found = re.fullmatch(
                r"It waits for `(\w+)[\w.]*`, which is not written yet\.", drawn.waiting
            )
            assert found and found[1] in picture.needs, (step.id, drawn)
            assert drawn.files == () and drawn.alt == ""
    assert not folder.exists()


def drawn_with(launcher, folder, step, source, formats=("png",), only=""):
    """Return the pictures of a step by name, or one of them alone, drawn from a module with this source."""
    step = COURSE.by_id[step]
    submission = Submission("a learner", folder, {step.module: source.encode()}, {})
    chosen = [picture for picture in pictures_of(step) if only in ("", picture.name)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge_pictures, "pictures_of", lambda _: chosen)
        found = draw_pictures(COURSE, launcher, submission, step.id, folder, formats)
        return {drawn.name: drawn for drawn in found}


def solution(step, *changes):
    """Return the source of a solution with these changes."""
    text = (ROOT / COURSE.by_id[step].solution).read_text("utf-8")
    for old, new in changes:
        before, there, after = text.rpartition(old)
        assert there, old
        text = before + new + after
    return text


def stub(step, *names):
    """Return a module in which only these functions of a step are written."""
    text = (ROOT / "exercises" / COURSE.by_id[step].filename).read_text("utf-8")
    return text + "\n" + "\n".join(names)


def test_of_half_a_step_the_pictures_are_drawn_that_can_be(tmp_path, fork_launcher):
    source = stub(
        "03",
        "def gradients(a, b, x, y):\n    e = a + b * x - y\n    return 2 * e.mean(), 2 * (e * x).mean()",
        "def predict(a, b, x):\n    return a + b * x",
    )
    found = drawn_with(fork_launcher, tmp_path, "03", source)
    assert found["gradient"].files == ("gradient.png",) and (tmp_path / "gradient.png").is_file()
    assert found["surface"].waiting == "It waits for `mse`, which is not written yet."
    assert found["slope"].waiting.startswith("It waits for `numerical_gradients`")
    # What was drawn once and cannot be drawn any more is gone, so that nobody takes it for the present one.
    found = drawn_with(fork_launcher, tmp_path, "03", stub("03"))
    assert found["gradient"].waiting and not (tmp_path / "gradient.png").exists()


NO_PICTURE = {
    "nothing": ("return None", "Is a `return` missing?"),
    "text": ('return "<script>alert(1)</script> $x^2$"', "expected a tuple of 2 values"),
    "nan": ("return float('nan'), 1.0", "expected a finite number"),
    "too large": ("return 1e300, 1.0", "numbers as large as 1e+300 cannot be drawn"),
    "another shape": ("return np.ones((3, 2)), np.ones(5)", "expected one number"),
    "too many": ("return np.ones(10**5), 1.0", "expected one number"),
    "an object": ("return object(), 1.0", "expected one number, got an object"),
    "a deep list": ("r = []\n    for _ in range(99): r = [r]\n    return r", "cannot be checked"),
    "an error": ("raise KeyError('$a$')", "Your code raised KeyError"),
    "an exit": ("import os; os._exit(3)", "Python stopped while running your code"),
    "a missing function": (None, "There is no `gradients` in step_03_gradient.py"),
}


@pytest.mark.parametrize("case", NO_PICTURE)
def test_what_cannot_be_drawn_is_said_in_words(tmp_path, fork_launcher, case):
    body, words = NO_PICTURE[case]
    own = "del gradients" if body is None else f"def gradients(a, b, x, y):\n    {body}"
    source = solution("03") + "\n" + own
    (drawn,) = drawn_with(fork_launcher, tmp_path, "03", source, only="gradient").values()
    assert words in drawn.waiting, drawn.waiting
    assert drawn.files == () and "Traceback" not in drawn.waiting


def test_an_endless_loop_costs_its_own_picture(tmp_path, fork_launcher):
    step = COURSE.by_id["03"]
    short = Course(ROOT, (type(step)(**{**vars(step), "seconds": 1.0}),))
    source = solution("03") + "\ndef gradients(a, b, x, y):\n    while True: pass\n"
    submission = Submission("x", tmp_path, {step.module: source.encode()}, {})
    found = {
        drawn.name: drawn
        for drawn in draw_pictures(short, fork_launcher, submission, "03", tmp_path, ("png",))
    }
    assert "It took longer than 1 seconds" in found["gradient"].waiting
    assert found["surface"].files and found["update"].files


def test_a_module_that_cannot_be_imported_says_why(tmp_path, fork_launcher):
    found = drawn_with(fork_launcher, tmp_path, "03", "def f(:\n")
    assert {drawn.waiting.split(":")[0] for drawn in found.values()} == {
        "Python cannot read line 1 of step_03_gradient.py"
    }
    empty = Submission("x", tmp_path, {}, {})
    waits = [d.waiting for d in draw_pictures(COURSE, fork_launcher, empty, "03", tmp_path)]
    assert all("step_03_gradient.py" in words for words in waits)


def test_names_of_learners_are_text_and_no_markup(tmp_path, fork_launcher):
    names = (
        '["<script>alert(1)</script>", "$\\\\frac{1}{2}$", "\\x1b[31mred", "\\ud800", "a" * 10**5]'
    )
    source = solution("07") + f"\ndef graph_nodes(t):\n    return {names}\n"
    found = drawn_with(fork_launcher, tmp_path, "07", source, ("png", "svg"), "graph")
    drawn = found["graph"]
    assert drawn.files == ("graph.png", "graph.svg"), drawn.waiting
    assert "\x1b" not in drawn.alt and len(drawn.alt) < 1100
    drawn.alt.encode()
    text = (tmp_path / "graph.svg").read_text("utf-8")
    parsed_svg(tmp_path / "graph.svg")
    assert "alert(1)&lt;/" in text or "&lt;script" in text


WRONG = [
    ("01", "rows", ("return t.view(-1, width)", "return t.clone().view(-1, width)")),
    ("02", "split", ("order[n_train:]", "order[n_train - 3 :]")),
    ("03", "gradient", ("return 2 * error.mean()", "return -2 * error.mean()")),
    ("04", "path", ("b = b - lr * b_grad", "b = b + lr * b_grad")),
    ("08", "momentum", ("+ p.grad", "+ (1 - self.momentum) * p.grad")),
    ("13", "items", ("self.x = x_tensor", "self.x = y_tensor")),
    ("14", "batches", ("shuffle=True", "shuffle=False")),
]  # fmt: skip


@pytest.mark.parametrize(("step", "name", "change"), WRONG)
def test_a_mistake_makes_another_picture(solved, tmp_path, fork_launcher, step, name, change):
    drawn = drawn_with(fork_launcher, tmp_path, step, solution(step, change), only=name)[name]
    assert drawn.files, drawn.waiting
    right = pixels(solved[0] / f"step_{step}" / f"{name}.png")
    wrong = pixels(tmp_path / f"{name}.png")
    assert right.shape == wrong.shape
    assert (np.abs(right - wrong).max(axis=2) > 60).sum() > 300
    assert drawn.alt not in " ".join(solved[1].split())


def test_the_same_code_gives_the_same_bytes(solved, tmp_path, fork_launcher):
    for step in ("03", "13"):
        folder = tmp_path / step
        for drawn in drawn_with(fork_launcher, folder, step, solution(step), ("svg",)).values():
            again = (folder / drawn.files[0]).read_bytes()
            before = (solved[0] / f"step_{step}" / drawn.files[0]).read_bytes()
            assert hashlib.sha256(again).digest() == hashlib.sha256(before).digest(), drawn.name


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_pictures_are_drawn_in_a_fork_with_a_branch_of_the_launcher(tmp_path, fork_launcher):
    importlib.import_module("matplotlib.figure")
    submission = Submission.read(ROOT / "solutions", COURSE)
    branch = fork_launcher.branch()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            found = list(draw_pictures(COURSE, branch, submission, "13", tmp_path))
            (tmp_path / "said.json").write_text(json.dumps([drawn.alt for drawn in found]))
            code = 0
        finally:
            os._exit(code)
    branch.close()
    assert os.waitpid(pid, 0)[1] == 0
    assert (tmp_path / "items.png").is_file() and (tmp_path / "file.svg").is_file()
    assert len(json.loads((tmp_path / "said.json").read_text())) == 2


def test_without_matplotlib_the_command_says_how_to_get_it(tmp_path, fork_launcher, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    submission = Submission("x", tmp_path, {}, {})
    with pytest.raises(
        judge_pictures.NoMatplotlib, match=r"pip install \"torchsteps\[pictures\]\""
    ):
        next(draw_pictures(COURSE, fork_launcher, submission, "03", tmp_path))
    blocked = textwrap.dedent(
        """
        import sys
        sys.modules["matplotlib"] = sys.modules["matplotlib.figure"] = None
        from grader.__main__ import main
        sys.argv = ["grader", "show", "03", "--target", "exercises"]
        main()
        """
    )
    ran = run_python(ROOT, "-c", blocked)
    assert ran.returncode == 2 and ran.stderr.strip() == judge_pictures.NO_MATPLOTLIB


def test_the_command_in_a_workspace(tmp_path, solved):
    shutil.copytree(ROOT / "exercises", tmp_path / "exercises")
    (tmp_path / MEMORY).mkdir()
    (tmp_path / MEMORY / "stubs.json").write_text("{}")
    (tmp_path / "exercises/step_13_dataset.py").write_text(solution("13"))
    # Settings of the user's own change nothing.
    (tmp_path / "matplotlibrc").write_text(
        "axes.facecolor: black\ntext.usetex: True\nfont.size: 30\n"
    )
    ran = show(tmp_path, "00", "3", "13")
    assert ran.returncode == 1 and "Traceback" not in ran.stdout + ran.stderr
    assert "Step 00, Tensors, has no pictures" in ran.stdout
    assert "It waits for `predict`" in ran.stdout and "13/items.png" in ran.stdout
    folder = tmp_path / MEMORY / "pictures"
    assert [file.name for file in folder.iterdir()] == ["step_13"]
    found = {file.name: file.read_bytes() for file in (folder / "step_13").iterdir()}
    assert found == {file.name: file.read_bytes() for file in (solved[0] / "step_13").iterdir()}
    assert len(found) == 4
    for wrong in (["44"], ["03", "--target", "nowhere"], []):
        ran = show(tmp_path, *wrong)
        assert ran.returncode == 2 and "Traceback" not in ran.stderr


def in_terminal(folder, answers, *arguments):
    """Run the command in a terminal that gives these answers to questions; return all that it wrote there."""
    # These are not on Windows.
    import fcntl
    import pty
    import termios

    leader, follower = pty.openpty()
    # Rows, columns, and the size in pixels.
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 1000, 800))
    environment = clean_environment() | {
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm-256color",
        "COLUMNS": "100",
    }
    command = [sys.executable, "-m", "grader", "show", *arguments]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    written, end = b"", time.monotonic() + OUTER_LIMIT
    while time.monotonic() < end:
        if not select.select([leader], [], [], 0.2)[0]:
            continue
        try:
            chunk = os.read(leader, 1 << 16)
        except OSError:
            break
        if not chunk:
            break
        for question, answer in answers.items():
            if question in chunk:
                os.write(leader, answer)
        written += chunk
    os.close(leader)
    assert process.wait(OUTER_LIMIT) == 0, written[-2000:]
    return written


@pytest.mark.skipif(sys.platform != "linux", reason="needs a terminal of Linux")
def test_a_terminal_that_can_show_pictures_shows_them(tmp_path):
    pytest.importorskip("textual_image")
    target = str(ROOT / "solutions")
    arguments = ("13", "--target", target, "--out", str(tmp_path))
    # The command asks for the features, of which 4 is sixel.
    can = {b"\x1b[c": b"\x1b[?62;4;22c"}
    sixel = in_terminal(tmp_path, can, *arguments)
    assert sixel.count(b"\x1bP") == 2 and b"items.png" in sixel
    cannot = {b"\x1b[c": b"\x1b[?62;22c", b"\x1b_G": b""}
    plain = in_terminal(tmp_path, cannot, *arguments)
    assert b"\x1bP" not in plain and b"items.png" in plain
    # The blocks that textual-image has for other terminals.
    assert "▄".encode() not in plain and "▀".encode() not in plain


def test_a_sheet_of_all_pictures_is_in_the_readme(tmp_path):
    from grader.run.show import contact_sheet

    file = Path("docs/pictures/contact_sheet.png")
    found = re.search(rf"!\[([^\]]+)\]\({file}\)", (ROOT / "README.md").read_text("utf-8"))
    assert found and len(found[1]) > 40
    with Image.open(ROOT / file) as image:
        assert image.width <= 1600
    assert (ROOT / file).stat().st_size < 600_000
    Image.new("RGB", (960, 480), "white").save(tmp_path / "one.png")
    contact_sheet([tmp_path / "one.png"] * 5, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.width == 1600


def test_data_of_strangers_are_checked_before_they_are_drawn():
    from grader.content.pictures import picture

    def answer(value):
        return Answer(value, Call("probe"), "`fit`")

    for check, value in (
        (lambda a: picture.numbers(a, 2), [1.0, 2.0, 3.0]),
        (lambda a: picture.numbers(a, 2), [1.0, float("inf")]),
        (lambda a: picture.scalars(a, 2), [1.0, [2.0]]),
        (lambda a: picture.table(a, None), np.zeros(20_000)),
        (lambda a: picture.table(a, None), np.zeros(3, complex)),
        (lambda a: picture.table(a, None), [1.0, 2.0]),
        (lambda a: picture.column(a, 2), [1.0, 2.0]),
        (lambda a: picture.scalar(a), 1e13),
        (lambda a: picture.scalar(a), 10**400),
    ):
        with pytest.raises(Mismatch, match="`fit`"):
            check(answer(value))
    path = picture.drawable(np.array([[0.0, 1.0], [2.0, 3.0], [np.nan, 1.0], [1.0, 1.0]]), 10)
    assert path.tolist() == [[0, 1], [2, 3]]
    assert len(picture.text("x" * 1000)) < 60 and "\x1b" not in picture.text("\x1b[1m")
