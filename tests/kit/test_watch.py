"""The watcher, in a real terminal: what its screen shows, what its keys do, and what it leaves behind."""

import json
import re
import shutil
import subprocess
import sys
import time
import uuid

import pytest

from grader.course.paths import BACKUP, MEMORY, WATCH_FILE
from grader.run.keys import names_of

from .conftest import OUTER_LIMIT, ROOT, TOY_SOLUTION, clean_environment

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("tmux") is None, reason="needs tmux"
)
STUB = TOY_SOLUTION.replace("return 2 * x", 'raise NotImplementedError("later")')
WRONG = TOY_SOLUTION.replace("2 * x", "3 * x")
ENDLESS = TOY_SOLUTION.replace("return 2 * x", "while True:\n        pass")


class Terminal:
    """A terminal of its own with a shell in the kit's folder."""

    def __init__(self, kit, width=90, height=24):
        self.kit = kit
        self.name = f"watch-{uuid.uuid4().hex[:8]}"
        self._tmux("new-session", "-d", "-x", str(width), "-y", str(height), "-s", "w", "sh")
        python = f"cd {kit.root}; PS1='ready$ '; PYTHONPATH={ROOT} {sys.executable} -m grader"
        self._start = f"{python} watch"

    def _tmux(self, *arguments):
        command = ["tmux", "-L", self.name, "-f", "/dev/null", *arguments]
        # pytest imports readline, which sets COLUMNS behind Python's back.
        options = {"env": clean_environment(), "timeout": 60}
        ran = subprocess.run(command, capture_output=True, text=True, check=True, **options)
        return ran.stdout

    def start(self, options=""):
        """Type the command."""
        self.type(f"{self._start} {options}", "Enter")

    def type(self, *keys):
        """Press keys, by tmux's names."""
        self._tmux("send-keys", "-t", "w", *keys)

    def resize(self, width, height):
        """Change the size of the window."""
        self._tmux("resize-window", "-t", "w", "-x", str(width), "-y", str(height))

    @property
    def screen(self):
        """What the terminal shows."""
        return self._tmux("capture-pane", "-p", "-t", "w").rstrip()

    def wait_for(self, *words):
        """Wait until all these words, which may be patterns, are on the screen; return it."""
        end = time.monotonic() + OUTER_LIMIT / 5
        while True:
            screen = self.screen
            if all(re.search(word, screen) for word in words):
                return screen
            assert time.monotonic() < end, f"no {words} in\n{screen}"
            time.sleep(0.05)

    def end(self):
        """End the terminal."""
        subprocess.run(["tmux", "-L", self.name, "kill-server"], check=False, capture_output=True)


@pytest.fixture
def terminal(kit_factory):
    """A toy kit of three steps in a terminal; the first step is right, the second a stub."""
    kit = kit_factory("step_00_numbers", "step_01_more", "step_02_rest", seconds=3)
    kit.write("step_01_more", STUB)
    opened = Terminal(kit)
    yield opened
    opened.end()


def test_a_learner_starts_fails_takes_a_hint_mends_and_goes_on(terminal):
    kit = terminal.kit
    terminal.start()
    # Nothing is known yet, so it begins with the first step, and judges it.
    terminal.wait_for("Step 00  Toy 0", "Step 00 is done", "1 of 3 steps done")
    terminal.type("n")
    screen = terminal.wait_for("Step 01  Toy 1", "· double", "✓ total", "Not written yet: `double`")
    assert "exercises/step_01_more.py:4" in screen
    kit.write("step_01_more", WRONG)
    screen = terminal.wait_for("✗ double", "expected 4.0, got 6.0", r"judged \d+\.\d\d s after")
    assert "double · 2 becomes 4 (2 of 2 tests fail)" in screen and "steps done" in screen
    terminal.type("h")
    terminal.wait_for("Hint 1 of 3 for double", "first")
    terminal.type("h")
    terminal.wait_for("Hint 2 of 3 for double", "second")
    terminal.type("Escape")
    terminal.wait_for("expected 4.0, got 6.0")
    kit.write("step_01_more", "def double(x:\n")
    terminal.wait_for("Python cannot read line 1", "step_01_more.py:1")
    kit.write("step_01_more", TOY_SOLUTION)
    terminal.wait_for("✓ double", "Step 01 is done", "2 of 3 steps done")
    # It does not go on by itself.
    time.sleep(0.5)
    assert "Step 01  Toy 1" in terminal.screen
    terminal.type("l")
    screen = terminal.wait_for("00  Toy 0 +done", "01  Toy 1 +done", "02  Toy 2 +not judged yet")
    terminal.type("Down", "Enter")
    terminal.wait_for("Step 02 is done", "3 of 3 steps done", "Well done!")
    terminal.type("n")
    terminal.wait_for("This is the last step")
    terminal.type("q")
    screen = terminal.wait_for(r"ready\$ $")
    assert "Step 02" not in screen.replace("watch", ""), "the screen before is there again"


def test_it_goes_on_where_the_learner_stopped_and_runs_nothing_twice(terminal):
    kit = terminal.kit
    terminal.start("1")
    terminal.wait_for("Step 01  Toy 1", "Not written yet")
    terminal.type("C-c")
    terminal.wait_for(r"ready\$ $")
    assert json.loads((kit.root / MEMORY / WATCH_FILE).read_text())["step"] == "01"
    terminal.type("clear", "Enter")
    terminal.start()
    screen = terminal.wait_for("Step 01  Toy 1", "Not written yet", "waiting for a save")
    assert "judged" not in screen
    terminal.type("r")
    terminal.wait_for(r"judged \d")
    terminal.type("z")
    terminal.wait_for("Enter goes back")
    terminal.type("Enter")
    terminal.wait_for("Not written yet")


def test_the_next_save_ends_an_endless_loop(terminal):
    kit = terminal.kit
    terminal.start("0")
    terminal.wait_for("Step 00 is done")
    kit.write("step_00_numbers", ENDLESS)
    terminal.wait_for("judging")
    start = time.monotonic()
    kit.write("step_00_numbers", WRONG)
    terminal.wait_for("expected 4.0, got 6.0", "judged")
    assert time.monotonic() - start < 3, "nobody waited for the time limit"
    kit.write("step_00_numbers", ENDLESS)
    terminal.wait_for("took longer|time limit|seconds", "judged")


def test_a_reset_asks_first_and_keeps_a_copy(terminal):
    kit = terminal.kit
    (kit.root / "solutions").mkdir()
    shutil.copy(kit.root / "exercises" / "step_00_numbers.py", kit.root / "solutions")
    kit.write("step_00_numbers", WRONG)
    terminal.start("0")
    terminal.wait_for("expected 4.0, got 6.0")
    terminal.type("x")
    terminal.wait_for("stubs back?")
    terminal.type("n")
    terminal.wait_for("expected 4.0, got 6.0")
    terminal.type("x")
    terminal.wait_for("stubs back?")
    terminal.type("y")
    terminal.wait_for("Nothing is written yet", "Your old version")
    (copy,) = (kit.root / MEMORY / BACKUP).glob("*/step_00_numbers.py")
    assert copy.read_text("utf-8") == WRONG


def test_a_small_window_shows_a_part_that_can_be_scrolled(terminal):
    terminal.kit.write("step_00_numbers", WRONG)
    terminal.start("0")
    terminal.wait_for("expected 4.0, got 6.0")
    terminal.resize(40, 10)
    screen = terminal.wait_for("Step 00", "more lines: down", "q quit|l list")
    assert max(map(len, screen.splitlines())) <= 40 and len(screen.splitlines()) <= 10
    terminal.type("Down", "Down", "Down", "Down", "Down", "Down", "Down", "Down")
    terminal.wait_for("the end: up")
    terminal.resize(90, 24)
    terminal.wait_for("expected 4.0, got 6.0")


def test_a_removed_file_another_editor_and_a_dead_judge(terminal):
    kit = terminal.kit
    terminal.start("0")
    terminal.wait_for("Step 00 is done")
    path = kit.root / "exercises" / "step_00_numbers.py"
    path.unlink()
    terminal.wait_for("Nothing is written yet")
    # As editors save: through another file.
    other = path.with_suffix(".swp")
    other.write_text(WRONG)
    other.replace(path)
    terminal.wait_for("expected 4.0, got 6.0")
    found = subprocess.run(
        ["pgrep", "-f", f"judge.resident import main; main..{kit.root}"],
        capture_output=True,
        text=True,
        check=True,
    )
    for pid in found.stdout.split():
        subprocess.run(["kill", "-9", pid], check=False)
    kit.write("step_00_numbers", TOY_SOLUTION)
    terminal.wait_for("Step 00 is done")


def test_the_editor_gets_the_file_and_the_line_and_the_terminal(terminal):
    kit = terminal.kit
    kit.write("step_00_numbers", WRONG)
    script = kit.root / "editor.sh"
    script.write_text(f'echo "edits $@" > {kit.root}/told; sed -i s/3/2/ "$2"\n')
    terminal.start(f"0 --edit-cmd 'sh {script} {{line}} {{file}}'")
    terminal.wait_for("expected 4.0, got 6.0")
    terminal.type("e")
    terminal.wait_for("Step 00 is done")
    told = (kit.root / "told").read_text()
    assert told == f"edits 4 {kit.root}/exercises/step_00_numbers.py\n"


@pytest.mark.parametrize("signal", ["TERM", "HUP", "INT"])
def test_the_terminal_is_whole_again_after_each_way_to_end(terminal, signal):
    terminal.type("stty -a > before", "Enter")
    terminal.start("0")
    terminal.wait_for("Step 00 is done")
    subprocess.run(["pkill", f"-{signal}", "-f", f"^{sys.executable} -m grader watch"], check=False)
    terminal.type("", "Enter")
    terminal.wait_for(r"ready\$ ")
    terminal.type(f"stty -a > {terminal.kit.root}/after; echo d''one", "Enter")
    terminal.wait_for("done")
    assert (terminal.kit.root / "after").read_text()
    assert "-echo " not in (terminal.kit.root / "after").read_text()
    assert " icanon" in (terminal.kit.root / "after").read_text()


def test_without_a_terminal_it_says_so(kit):
    ran = kit.grader("watch")
    assert ran.returncode == 2 and "The watcher needs a terminal." in ran.stderr


def test_names_of_keys():
    assert names_of("\x1b[A") == ["up"] and names_of("\x1b") == ["escape"]
    assert names_of("nq") == ["n", "q"] and names_of("\r") == ["enter"]
    assert names_of("\x1b[15~") == [] and names_of("ü") == ["ü"]
