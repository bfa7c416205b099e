"""The watcher, in a real terminal: what its screen shows, what its keys do, and what it leaves behind.

`screens/*.txt` hold whole screens, as a learner sees them on the real step 03. To write them anew after a change,
together with the picture in the README, and then read the difference with git:

    RENEW_SCREENS=1 python -m pytest tests/kit/test_watch.py -k screens
"""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from grader.course.course import Course, Step
from grader.course.paths import BACKUP, CHECKS_FILE, MEMORY, PROGRESS_FILE
from grader.course.verdicts import Status, StepVerdict, TestVerdict
from grader.judge import feedback
from grader.maintain.stubs import stub_of
from grader.report.watching import View, lines
from grader.run.keys import names_of, run_until_key, unshown, wait_for_key
from grader.run.progress import note
from grader.run.screen import FullScreen
from grader.submissions.submission import Submission

from .conftest import OUTER_LIMIT, ROOT, TOY_SOLUTION, Kit, clean_environment

in_terminal = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("tmux") is None, reason="needs tmux"
)
SCREENS = Path(__file__).parent / "screens"
PICTURE = ROOT / "docs" / "pictures" / "watcher.svg"
STUB = TOY_SOLUTION.replace("return 2 * x", 'raise NotImplementedError("later")')
EMPTY = re.sub("return .*", 'raise NotImplementedError("later")', TOY_SOLUTION)
WRONG = TOY_SOLUTION.replace("2 * x", "3 * x")
ENDLESS = TOY_SOLUTION.replace("return 2 * x", "while True:\n        pass")
TOO_LONG = "did not finish within 3 seconds"
ESCAPE_CODES = re.compile(r"\x1b\[[0-9;]*m")


class Terminal:
    """A terminal of its own, with a shell in the kit's folder."""

    def __init__(self, kit, width=80, height=24, **environment):
        self.kit = kit
        self._name = f"watch-{uuid.uuid4().hex[:8]}"
        surroundings = {
            **clean_environment(),
            "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8",
            **environment,
        }
        for name in ("COLUMNS", "LINES", "VISUAL", "EDITOR", "TERM_PROGRAM", "NO_COLOR", "LC_ALL"):
            if name not in environment:
                surroundings.pop(name, None)
        size = ("-x", str(width), "-y", str(height))
        where = ("-c", str(kit.root), "-s", "w")
        self._tmux("-u", "new-session", "-d", *size, *where, "sh", env=surroundings)
        self.server = int(self.told("pid"))
        # As root, some shells do not take it from the environment.
        self.type("PS1='ready$ '; clear", "Enter")

    def _tmux(self, *arguments, **options):
        command = ["tmux", "-L", self._name, "-f", "/dev/null", *arguments]
        ran = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=60, **options
        )
        return ran.stdout

    def told(self, name):
        """What tmux knows under this name."""
        return self._tmux("display-message", "-p", "-t", "w", f"#{{{name}}}").strip()

    def start(self, options="", before=""):
        """Type the command."""
        self.type(f"clear; {before} {sys.executable} -m grader watch {options}", "Enter")

    def type(self, *keys):
        """Press keys, by tmux's names."""
        self._tmux("send-keys", "-t", "w", *keys)

    def resize(self, width, height):
        """Change the size of the window."""
        self._tmux("resize-window", "-t", "w", "-x", str(width), "-y", str(height))

    def screen(self, *options):
        """What the terminal shows."""
        return self._tmux("capture-pane", "-p", "-t", "w", *options).rstrip()

    def wait_for(self, *words, without=()):
        """Wait until all these words, which may be patterns, are on the screen; return it."""
        end = time.monotonic() + OUTER_LIMIT / 5
        while True:
            screen = self.screen()
            if all(re.search(word, screen) for word in words) and not any(
                re.search(word, screen) for word in without
            ):
                return screen
            assert time.monotonic() < end, f"no {words} in\n{screen}"
            time.sleep(0.03)

    def wait_for_shell(self):
        """Wait until the watcher has ended and the terminal is whole again."""
        screen = self.wait_for(r"ready\$ *$")
        assert (self.told("alternate_on"), self.told("cursor_flag")) == ("0", "1"), screen

    def settings(self):
        """What `stty -a` says, apart from the size of the window."""
        file = self.kit.root / f"stty-{uuid.uuid4().hex}"
        self.type(f"clear; stty -a > {file}.new; mv {file}.new {file}", "Enter")
        end = time.monotonic() + OUTER_LIMIT / 5
        while not file.exists():
            assert time.monotonic() < end, self.screen()
            time.sleep(0.02)
        return file.read_text().partition(";")[2].partition("columns")[2]

    def processes(self):
        """Return the ids of all processes in this terminal, by the first words of their commands."""
        found, parents = {}, {self.server}
        everybody = sorted(map(_look, filter(str.isdigit, os.listdir("/proc"))))
        while parents:
            children = {pid: words for pid, parent, words in everybody if parent in parents}
            found |= children
            parents = set(children)
        return found

    def find(self, words):
        """Return the id of the first process of Python in this terminal with these words in its command."""
        pattern = re.compile(rf"\S*python\S* .*{re.escape(words)}")
        return next(pid for pid, command in self.processes().items() if pattern.match(command))

    def killed(self, what):
        """Kill the judge process, or its zygote with all stages and workers that are forked from it."""
        judge = self.find("judge.process")
        children = Path(f"/proc/{judge}/task/{judge}/children").read_text().split()
        # A zygote has a session of its own, and the forks that judge have that of the judge.
        zygote = next(int(pid) for pid in children if os.getsid(int(pid)) != judge)
        os.kill({"judge": judge, "zygote": zygote}[what], signal.SIGKILL)

    def end(self):
        """Close the terminal."""
        subprocess.run(["tmux", "-L", self._name, "kill-server"], check=False, capture_output=True)


def _look(name):
    try:
        parent = int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1])
        return int(name), parent, Path(f"/proc/{name}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return int(name), 0, ""


@pytest.fixture
def terminals(processes):
    """Opens terminals; in the end, all their processes must be gone."""
    opened = []

    def make(*arguments, **options):
        opened.append(Terminal(*arguments, **options))
        return opened[-1]

    yield make
    for terminal in opened:
        inside = terminal.processes()
        terminal.end()
        processes.wait_until_gone(terminal.server, *inside)


@pytest.fixture
def terminal(terminals, kit_factory):
    """A terminal with a toy kit of three steps: the first one is right, in the second one something is missing."""
    kit = kit_factory("step_00_numbers", "step_01_more", "step_02_rest", seconds=3)
    kit.write("step_01_more", STUB)
    return terminals(kit)


@in_terminal
def test_a_learner_starts_fails_takes_a_hint_mends_and_goes_on(terminal):
    kit = terminal.kit
    terminal.start()
    # Nothing is known yet, so it begins with the first step, and judges it.
    terminal.wait_for("Step 00  Toy 0", "Step 00 is done", "1 of 3 steps done")
    terminal.type("n")
    screen = terminal.wait_for("Step 01  Toy 1", "· double", "✓ total", "Not written yet: `double`")
    assert "exercises/step_01_more.py:4" in screen
    kit.write("step_01_more", WRONG)
    screen = terminal.wait_for("✗ double", "Expected 4.0, got 6.0", r"judged \d+\.\d\d s after")
    assert "double · 2 becomes 4 (2 of 2 tests fail)" in screen and "steps done" in screen
    terminal.type("h")
    terminal.wait_for("Hint 1 of 3 for double", "first", "h shows the next hint")
    terminal.type("h")
    terminal.wait_for("Hint 2 of 3 for double", "second")
    terminal.type("h")
    terminal.wait_for("Hint 3 of 3 for double", "This is the last hint")
    terminal.type("Escape")
    terminal.wait_for("Expected 4.0, got 6.0")
    kit.write("step_01_more", "import math\n\n\ndef double(x:\n")
    screen = terminal.wait_for("Python cannot read line 4", r"step_01_more\.py:4 ", "judged")
    # No function is to blame.
    assert "step_01_more.py cannot be read" in screen and "· double   · total" in screen
    assert "tests fail" not in screen and "✗" not in screen
    terminal.type("h")
    terminal.wait_for("First repair the file", without=["Hint"])
    kit.write("step_01_more", TOY_SOLUTION.replace("2 * x", "x\n    return 1 / 0", 1))
    terminal.wait_for("got 2.0")
    kit.write("step_01_more", TOY_SOLUTION.replace("return 2", "y = 1 / 0\n    return 2"))
    terminal.wait_for("ZeroDivisionError", r"step_01_more\.py:6 ")
    kit.write("step_01_more", TOY_SOLUTION)
    terminal.wait_for("✓ double", "Step 01 is done", "2 of 3 steps done")
    terminal.type("h")
    terminal.wait_for("you need no hint")
    terminal.type("K")
    terminal.wait_for("This key does nothing here")
    # It does not go on by itself.
    assert "Step 01  Toy 1" in terminal.screen()
    terminal.type("l")
    terminal.wait_for("00  Toy 0 +done", "01  Toy 1 +done", "02  Toy 2 +not checked yet")
    terminal.type("Down", "Enter")
    terminal.wait_for("Step 02 is done", "All 3 steps are done", "Well done!")
    terminal.type("n")
    terminal.wait_for("This is the last step")
    terminal.type("p")
    terminal.wait_for("Step 01  Toy 1", "All 3 steps are done")
    # A save of another step is said, and what was known of it is forgotten.
    kit.write("step_02_rest", EMPTY)
    terminal.wait_for("Step 02 was saved", "2 of 3 steps done", "Step 01 is done")
    # It counts again when it is as it was.
    kit.write("step_02_rest", TOY_SOLUTION)
    terminal.wait_for("Step 02 was saved", "3 of 3 steps done", "Step 01 is done")
    terminal.type("q")
    terminal.wait_for_shell()
    assert "Step 01, 3 of 3 steps done. make watch goes on here." in terminal.screen()


@in_terminal
def test_it_goes_on_where_the_learner_stopped_and_runs_nothing_twice(terminal):
    kit = terminal.kit
    terminal.start("1")
    terminal.wait_for("Step 01  Toy 1", "Not written yet")
    terminal.type("C-c")
    terminal.wait_for_shell()
    assert json.loads((kit.root / MEMORY / PROGRESS_FILE).read_text())["step"] == "01"
    before = (kit.root / MEMORY / CHECKS_FILE).read_bytes()
    terminal.start()
    terminal.wait_for("Step 01  Toy 1", "Not written yet", "waiting for a save")
    assert (kit.root / MEMORY / CHECKS_FILE).read_bytes() == before
    os.utime(kit.root / "exercises" / "step_01_more.py")
    terminal.type("p")
    terminal.wait_for("Step 00 is done")
    terminal.type("r")
    terminal.wait_for("judging|loading")
    terminal.wait_for("Step 00 is done", "waiting for a save")
    # Other commands get the terminal as it was, and Ctrl-C there does not end the watcher.
    for key, words, back in (
        ("z", "no questions", "C-c"),
        ("o", "solutions", "q"),
    ):
        terminal.type(key)
        shown = terminal.wait_for(words, "Any key goes back to the watcher")
        assert terminal.told("alternate_on") == "0"
        terminal.type(back)
        terminal.wait_for("Step 00 is done")
    terminal.type("s")
    terminal.wait_for("Step 00, Toy 0, has no pictures", "Step 00 is done")
    terminal.type("q")
    terminal.wait_for_shell()
    assert shown.splitlines()[-1] in terminal.screen().splitlines(), "a key was echoed"


@in_terminal
def test_a_step_that_is_saved_while_another_one_is_shown_is_judged_as_well(terminal):
    kit = terminal.kit
    terminal.start("0")
    terminal.wait_for("Step 00 is done")
    kit.write("step_02_rest", WRONG)
    terminal.wait_for("Step 02 was saved", "Step 00 is done")
    terminal.type("l")
    terminal.wait_for("02  Toy 2 +not right yet")
    # What is saved next is not kept waiting.
    kit.write("step_02_rest", ENDLESS)
    terminal.wait_for("02  Toy 2 +not checked yet")
    time.sleep(1)
    terminal.type("Escape")
    kit.write("step_00_numbers", WRONG)
    terminal.wait_for("Step 00  Toy 0", "Expected 4.0, got 6.0", r"judged [01]\.\d\d s after")
    kit.write("step_02_rest", TOY_SOLUTION)
    terminal.type("l")
    terminal.wait_for("02  Toy 2 +done", "1 of 3 steps done")


@in_terminal
def test_a_wrong_step_that_makes_another_one_fail_is_named_as_the_one_to_mend(terminal):
    kit = terminal.kit
    imports = TOY_SOLUTION.replace("return 2 * x", "return twice(x)")
    kit.write("step_01_more", f"{imports}\nfrom step_00_numbers import double as twice\n")
    terminal.start("1")
    terminal.wait_for("Step 01 is done")
    kit.write("step_00_numbers", WRONG)
    terminal.wait_for("Expected 4.0, got 6.0", "Step 00, which is imported here, is not right yet")
    assert "first fix `double` in step_00_numbers.py" in " ".join(terminal.screen().split())
    # Of a file that cannot be read, the line is shown and the file opened.
    kit.write("step_00_numbers", "x = 1\ndef double(x:\n")
    terminal.wait_for("step_00_numbers.py cannot be read", "exercises/step_00_numbers.py:2 ")
    kit.write("step_00_numbers", TOY_SOLUTION)
    terminal.wait_for("Step 01 is done", without=["imported here"])


@in_terminal
def test_before_a_step_is_done_its_solution_takes_two_presses(terminal):
    kit = terminal.kit
    kit.write("step_01_more", TOY_SOLUTION, "solutions")
    terminal.start("1")
    terminal.wait_for("Not written yet")
    terminal.type("o")
    terminal.wait_for(
        "Step 01 is not done yet", r"o once more\s+shows a solution", "Step 01  Toy 1"
    )
    terminal.type("o")
    terminal.wait_for("double: the solution", "return 2 . x", "Any key goes back")
    terminal.type("q")
    terminal.wait_for("Not written yet", without=["o once more"])
    terminal.type("o")
    terminal.wait_for("double: the solution", "and so does a save")
    kit.write("step_01_more", WRONG)
    terminal.wait_for("Step 01  Toy 1", "Expected 4.0, got 6.0")
    terminal.type("q")
    terminal.wait_for_shell()


@in_terminal
def test_the_next_save_ends_an_endless_loop(terminal):
    kit = terminal.kit
    terminal.start("0")
    terminal.wait_for("Step 00 is done")
    kit.write("step_00_numbers", ENDLESS)
    terminal.wait_for("judging")
    start = time.monotonic()
    kit.write("step_00_numbers", WRONG)
    terminal.wait_for("Expected 4.0, got 6.0", "judged")
    assert time.monotonic() - start < 2.5, "somebody waited for the time limit of 3 seconds"
    kit.write("step_00_numbers", ENDLESS)
    # The window changes while the judge is busy.
    terminal.wait_for("judging")
    terminal.resize(50, 12)
    terminal.wait_for("judging", r"Step 00  Toy 0 +\d of 3 steps done$|Step 00  Toy 0 {16}")
    terminal.resize(80, 24)
    terminal.wait_for("Still running", "is stopped after 3 seconds")
    assert "Still running" not in terminal.wait_for(TOO_LONG, "judged")
    # When the first of two loops is known, what is shown is about this save.
    kit.write("step_00_numbers", ENDLESS.replace("return values", "while True:\n        values"))
    terminal.wait_for("judging", "Still running, and what is shown is about the save before")
    terminal.wait_for(TOO_LONG, "judging", "Still running. A loop", without=["save before"])
    terminal.wait_for(TOO_LONG, "judged", without=["Still running"])


@in_terminal
def test_on_a_busy_machine_it_says_that_a_loop_may_run_longer(terminal):
    terminal.start("0")
    terminal.wait_for("Step 00 is done")
    terminal.kit.write("step_00_numbers", ENDLESS)
    terminal.wait_for("judging")
    judges = [pid for pid, words in terminal.processes().items() if "judge.process" in words]
    for number, words in (
        (signal.SIGSTOP, "or later while other programs"),
        (signal.SIGCONT, TOO_LONG),
    ):
        for pid in judges:
            os.kill(pid, number)
        terminal.wait_for(words)


@in_terminal
def test_a_reset_asks_first_and_keeps_a_copy(terminal):
    kit = terminal.kit
    (kit.root / "solutions").mkdir()
    shutil.copy(kit.root / "exercises" / "step_00_numbers.py", kit.root / "solutions")
    kit.write("step_00_numbers", WRONG)
    terminal.start("0")
    terminal.wait_for("Expected 4.0, got 6.0")
    terminal.type("x")
    terminal.wait_for("stubs back?")
    terminal.type("n")
    terminal.wait_for("Expected 4.0, got 6.0", without=["stubs back"])
    terminal.type("x")
    terminal.wait_for("stubs back?")
    terminal.type("y")
    terminal.wait_for("Nothing is written here yet", "Your old version")
    (copy,) = (kit.root / MEMORY / BACKUP).glob("*/step_00_numbers.py")
    assert copy.read_text("utf-8") == WRONG


@in_terminal
def test_however_an_editor_saves_the_last_content_is_judged(terminal):
    kit = terminal.kit
    path = kit.root / "exercises" / "step_00_numbers.py"
    terminal.start("0")
    terminal.wait_for("Step 00 is done")
    # Through another file, as vim and most editors do.
    other = path.with_suffix(".swp")
    other.write_text(WRONG)
    other.replace(path)
    terminal.wait_for("Expected 4.0, got 6.0")
    # As vim does with backupcopy=no: the old file gets another name first.
    path.rename(path.with_name(f"{path.name}~"))
    path.write_text(TOY_SOLUTION)
    terminal.wait_for("Step 00 is done")
    path.unlink()
    terminal.wait_for("The file step_00_numbers.py is missing")
    path.write_text(WRONG)
    terminal.wait_for("Expected 4.0, got 6.0")
    path.with_name(f"{path.name}~").unlink()
    # Ten saves within 50 ms.
    for number in range(10):
        path.write_text(TOY_SOLUTION.replace("2 * x", f"{20 + number} * x"))
        time.sleep(0.004)
    terminal.wait_for("Expected 4.0, got 58.0", "judged")
    # The folder is gone, then there is another one, from which no event comes.
    kit.root.joinpath("exercises").rename(kit.root / "old")
    terminal.wait_for("The folder exercises is not there any more")
    shutil.copytree(kit.root / "old", kit.root / "exercises")
    path.write_text(TOY_SOLUTION)
    terminal.wait_for("Step 00 is done")


@in_terminal
def test_the_death_of_a_process_is_survived(terminal):
    kit = terminal.kit
    terminal.start("0")
    terminal.wait_for("Step 00 is done", "waiting for a save")
    for what in ("judge", "zygote"):
        kit.write("step_00_numbers", WRONG)
        terminal.wait_for("Expected 4.0, got 6.0", "judged")
        terminal.killed(what)
        kit.write("step_00_numbers", TOY_SOLUTION)
        terminal.wait_for("Step 00 is done", "judged")
    # Also in the middle of a run, which is then begun again.
    for what in ("judge", "zygote"):
        kit.write("step_00_numbers", ENDLESS)
        terminal.wait_for("judging")
        terminal.killed(what)
        terminal.wait_for(TOO_LONG, "judged")
        kit.write("step_00_numbers", TOY_SOLUTION)
        terminal.wait_for("Step 00 is done", "judged")


@in_terminal
def test_the_editor_gets_the_file_and_the_line_and_the_terminal(terminal):
    kit = terminal.kit
    kit.write("step_00_numbers", WRONG)
    script = kit.root / "editor.sh"
    script.write_text(f'echo "edits $@" > {kit.root}/told; sed -i s/3/2/ "$2"\n')
    terminal.start(f"0 --edit-cmd 'sh {script} {{line}} {{file}}'")
    terminal.wait_for("Expected 4.0, got 6.0")
    terminal.type("e")
    terminal.wait_for("Step 00 is done")
    told = (kit.root / "told").read_text()
    assert told == f"edits 4 {kit.root}/exercises/step_00_numbers.py\n"
    terminal.type("q")
    terminal.wait_for_shell()
    # In the terminal of VS Code, with a `code` that says what it was given.
    code = kit.root / "code"
    code.write_text(f'#!/bin/sh\necho "$@" > {kit.root}/told\n')
    code.chmod(0o755)
    kit.write("step_00_numbers", WRONG)
    terminal.start("0", before=f"TERM_PROGRAM=vscode PATH={kit.root}:$PATH")
    terminal.wait_for("Expected 4.0, got 6.0")
    terminal.type("e")
    end = time.monotonic() + OUTER_LIMIT / 5
    while (kit.root / "told").read_text() == told:
        assert time.monotonic() < end, terminal.screen()
        time.sleep(0.02)
    assert (kit.root / "told").read_text() == f"-g {kit.root}/exercises/step_00_numbers.py:4\n"


MAKEFILE = """
watch:
\t@trap : INT; {python} -m grader watch 0 || exit 1
"""


@in_terminal
def test_the_terminal_is_whole_again_after_each_way_to_end(terminal, processes):
    (terminal.kit.root / "Makefile").write_text(MAKEFILE.format(python=sys.executable))
    before = terminal.settings()
    assert "icanon" in before
    for way in ("q", "C-c", "C-\\", signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        # As learners start it.
        terminal.type("clear; make watch", "Enter")
        terminal.wait_for("Step 00 is done", "waiting for a save")
        inside = {pid for pid, words in terminal.processes().items() if not words.startswith("sh ")}
        if isinstance(way, str):
            terminal.type(way)
        else:
            os.kill(terminal.find("grader watch"), way)
        terminal.wait_for_shell()
        assert terminal.settings() == before, way
        processes.wait_until_gone(*(inside & terminal.processes().keys()))


@in_terminal
def test_it_can_be_stopped_and_go_on(terminal):
    (terminal.kit.root / "Makefile").write_text(MAKEFILE.format(python=sys.executable))
    terminal.type("PS1='ready$ ' bash --norc", "Enter")
    terminal.type("set -m", "Enter")
    before = terminal.settings()
    terminal.type("clear; make watch", "Enter")
    terminal.wait_for("Step 00 is done")
    terminal.type("C-z")
    terminal.wait_for_shell()
    assert terminal.settings() == before
    terminal.kit.write("step_00_numbers", WRONG)
    terminal.type("fg", "Enter")
    terminal.wait_for("Expected 4.0, got 6.0")
    # Stopped from elsewhere, without a chance to give the terminal back.
    watcher = terminal.find("grader watch")
    for number in (signal.SIGSTOP, signal.SIGCONT):
        os.kill(watcher, number)
    terminal.type("q")
    terminal.wait_for_shell()
    assert terminal.settings() == before


@in_terminal
def test_nothing_is_left_when_the_terminal_is_closed_or_the_watcher_killed(
    terminal, terminals, processes
):
    terminal.start("0")
    terminal.wait_for("Step 00 is done", "waiting for a save")
    inside = terminal.processes()
    assert any("judge.process" in words for words in inside.values())
    terminal.end()
    processes.wait_until_gone(*inside)

    another = terminals(terminal.kit)
    another.start("0")
    another.wait_for("Step 00 is done", "waiting for a save")
    inside = {
        pid: words for pid, words in another.processes().items() if not words.startswith("sh ")
    }
    os.kill(another.find("grader watch"), signal.SIGKILL)
    processes.wait_until_gone(*inside)
    # The step was remembered before.
    assert json.loads((terminal.kit.root / MEMORY / PROGRESS_FILE).read_text())["step"] == "00"


@in_terminal
def test_a_terminal_that_can_do_nothing_gets_lines_below_each_other(terminal):
    kit = terminal.kit
    kit.write("step_00_numbers", WRONG)
    terminal.resize(100, 40)
    terminal.start("0", before="TERM=dumb")
    terminal.wait_for("Expected 4.0, got 6.0", "waiting for a save")
    kit.write("step_00_numbers", TOY_SOLUTION)
    screen = terminal.wait_for("Step 00 is done", "judged")
    assert "Expected 4.0, got 6.0" in screen
    terminal.type("q")
    terminal.wait_for_shell()


@in_terminal
def test_without_a_terminal_it_says_so(terminal):
    ran = terminal.kit.grader("watch")
    assert ran.returncode == 2 and ran.stderr.count("\n") == 1
    assert ran.stderr.startswith("The watcher needs a terminal.")
    command = f"{sys.executable} -m grader watch"
    for redirected in (f"{command} > out", f"{command} < /dev/null"):
        terminal.type(f"clear; {redirected}; echo code: $?", "Enter")
        terminal.wait_for("The watcher needs a terminal", "code: 2")


# Whole screens


@pytest.fixture(scope="module")
def course_kit(tmp_path_factory):
    """This course, whose first three steps are done."""
    kit = Kit.whole(tmp_path_factory.mktemp("course"))
    course = Course.load(kit.root)
    for step in course.steps:
        source = (kit.root / step.solution).read_text("utf-8")
        is_done = step.id in ("00", "01", "02")
        kit.write(step.module, source if is_done else stub_of(source, step.filename))
    submission = Submission.read(kit.root / "exercises", course)
    note(kit.root / MEMORY, submission, [passed(step) for step in course.steps[:3]])
    return kit


def passed(step):
    """Return a verdict that says that a step is right."""
    test = TestVerdict("id", step.id, "f", "t", "visible", Status.PASSED, 1, "")
    return StepVerdict(step, (test,))


def same_as_kept(terminal, name):
    """Compare the screen with the one in the file of this name."""
    # The only number that is another one each time.
    seconds = re.compile(r"judged \d+\.\d\d s")
    screen = seconds.sub(lambda found: "judged 0.09 s".rjust(len(found[0])), terminal.screen())
    screen = "".join(f"{line.rstrip()}\n" for line in screen.splitlines())
    file = SCREENS / f"{name}.txt"
    if os.environ.get("RENEW_SCREENS"):
        file.write_text(screen, "utf-8")
    assert screen == file.read_text("utf-8"), name


def draw(screen):
    """Draw what a terminal shows, with its colours, for the README."""
    seconds = re.compile(r"judged \d+\.\d\d s")
    console = Console(record=True, width=80, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(seconds.sub("judged 0.09 s", screen)))
    # The same file each time, and nothing in it that is fetched from elsewhere.
    drawn = console.export_svg(title="make watch", unique_id="watcher")
    PICTURE.write_text(re.sub(r"@font-face \{[^}]*\}\s*", "", drawn), "utf-8")


@in_terminal
def test_screens(course_kit, terminals):
    kit = course_kit
    terminal = terminals(kit)
    terminal.start("3")
    terminal.wait_for("Nothing is written here yet", "waiting for a save")
    same_as_kept(terminal, "not_started")

    solution = (kit.root / "solutions" / "step_03_gradient.py").read_text("utf-8")
    right = "return 2 * error.mean(), 2 * (error * x).mean()"
    last = "return a - lr * a_grad, b - lr * b_grad"
    assert right in solution and last in solution
    wrong = solution.replace(right, right.replace("2 *", "-2 *")).replace(
        last, 'raise NotImplementedError("Write update.")'
    )
    kit.write("step_03_gradient", wrong)
    terminal.wait_for("✗ gradients", "judged")
    same_as_kept(terminal, "failing")
    coloured = terminal.screen("-e")
    colours = ESCAPE_CODES.findall(coloured)
    assert "\x1b[31m" in colours and "\x1b[32m" in colours
    if os.environ.get("RENEW_SCREENS"):
        draw(coloured)
    for key, words, name in (
        ("h", "Hint 1", "hint"),
        ("l", "not checked yet", "list"),
        ("?", "q   quit", "help"),
    ):
        terminal.type(key)
        terminal.wait_for(words)
        same_as_kept(terminal, name)
    terminal.type("Escape")
    terminal.wait_for("✗ gradients", "expected 4.0")
    for width, height in ((30, 8), (20, 5)):
        terminal.resize(width, height)
        terminal.wait_for(r"more lines: Down|\d more: Down", r"help  q quit$")
        same_as_kept(terminal, f"small_{width}x{height}")
    terminal.resize(30, 8)
    terminal.type(*["Down"] * 40)
    terminal.wait_for("the end: Up")
    terminal.type("l")
    terminal.wait_for("03")
    same_as_kept(terminal, "small_list_30x8")
    terminal.resize(80, 24)
    terminal.type("Escape")
    kit.write("step_03_gradient", solution)
    terminal.wait_for("Step 03 is done", "judged")
    same_as_kept(terminal, "passed")
    kit.write("step_03_gradient", wrong)
    terminal.wait_for("✗ gradients", "judged")
    terminal.type("q")
    terminal.wait_for_shell()

    terminal.start(before="NO_COLOR=1")
    terminal.wait_for("✗ gradients", "waiting for a save")
    same_as_kept(terminal, "no_colour")
    codes = ";".join(ESCAPE_CODES.findall(terminal.screen("-e")))
    assert not re.search(r"\b[349][0-7]\b", codes), codes
    terminal.type("q")
    terminal.wait_for_shell()

    terminal.start(before="LANG=C")
    terminal.wait_for("x gradients", "waiting for a save")
    assert terminal.screen().isascii()
    same_as_kept(terminal, "ascii")


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ({"LC_ALL": "C"}, "ascii"),
        ({"LC_ALL": "POSIX", "LANG": "de_DE.UTF-8"}, "ascii"),
        ({"LANG": "C"}, "ascii"),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "ascii"),
        ({"LANG": "C", "LC_CTYPE": "de_DE.UTF-8"}, "cp850"),
        ({"LANG": "C.UTF-8"}, "cp850"),
        ({}, "cp850"),
    ],
)
def test_what_the_terminal_can_show(names, shown, monkeypatch):
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    console = Console(file=io.TextIOWrapper(io.BytesIO(), "cp850"))
    assert FullScreen(console, print).encoding == shown


def test_a_screen_of_any_size_has_just_that_size(course_kit):
    course = Course.load(course_kit.root)
    submission = Submission.read(course_kit.root / "exercises", course)
    step = course.by_id["03"]
    bad = TestVerdict(
        "id",
        "03",
        "gradients",
        "title",
        "visible",
        Status.FAILED,
        1,
        "long " * 50 + "\n    code\n日本" * 40,
    )
    views = [View(course, submission, step), View(course, submission, step, verdict=passed(step))]
    views.append(View(course, submission, step, marked=19, notice="A sentence. " * 20))
    views.append(
        View(course, submission, step, verdict=StepVerdict(step, (bad,)), place="a/b.py:3")
    )
    views.append(View(course, submission, step, panel=["a hint", "", "x" * 300], encoding="cp437"))
    for view in views:
        for width in (1, 2, 5, 11, 20, 21, 30, 47, 80, 200):
            for height in (*range(1, 17), 24, 80):
                view.top = 3
                shown = lines(view, width, height)
                assert len(shown) == height, (width, height)
                assert max(line.cell_len for line in shown) <= width, (width, height)


def test_functions_that_do_not_fit_are_counted(course_kit):
    course = Course.load(course_kit.root)
    submission = Submission.read(course_kit.root / "exercises", course)
    step = course.by_id["03"]
    names = ("predict", "mse", "gradients", "numerical_gradients", "update")
    tests = tuple(
        TestVerdict(name, "03", name, "t", "visible", Status.PASSED, 1, "") for name in names
    )
    view = View(course, submission, step, verdict=StepVerdict(step, tests))

    def shown(width, height):
        head = lines(view, width, height)[2 if height >= 9 else 1 :][: 2 if height >= 14 else 1]
        return [line.plain.rstrip() for line in head]

    assert shown(40, 12) == ["✓ predict   ✓ mse   + 3 more"]
    assert shown(40, 24) == ["✓ predict   ✓ mse   ✓ gradients", "✓ numerical_gradients   ✓ update"]
    assert shown(80, 12) == [" ".join([f"✓ {name}  " for name in names]).rstrip()]
    assert shown(10, 8) == ["+ 5 more"]


def test_progress_goes_with_the_workspace(kit_factory, tmp_path):
    kit = kit_factory("step_00_numbers", "step_01_more", "step_02_rest")
    kit.write("step_01_more", WRONG)
    first = kit.grader("check")
    kit.collected()
    text = (kit.root / MEMORY / PROGRESS_FILE).read_text()
    assert len(text) < 200 and sorted(json.loads(text)["done"]) == ["00", "02"]
    assert list(json.loads((kit.root / MEMORY / CHECKS_FILE).read_text())) == ["exercises"]
    assert str(kit.root) not in (kit.root / MEMORY / CHECKS_FILE).read_text()
    moved = Kit(shutil.copytree(kit.root, tmp_path / "elsewhere"), kit.modules)
    second = moved.grader("check")
    assert (second.returncode, second.stdout) == (1, first.stdout) and moved.collected() == []
    # On another machine no verdict counts any more, but what is done is still known, unless it was changed.
    moved.write("step_02_rest", TOY_SOLUTION + "\n")
    changed = moved.root / "pyproject.toml"
    changed.write_text(changed.read_text() + "\n# another kit\n")
    listed = moved.grader("list").stdout
    assert re.search("00  Toy 0 +passed", listed) and "1 of 3 steps done" in listed
    assert len(re.findall("not checked yet", listed)) == 2
    # Solutions that are checked are nobody's progress.
    shutil.copytree(moved.root / "exercises", moved.root / "solutions")
    moved.grader("check", "--target", "solutions")
    assert moved.grader("list").stdout == listed
    # A step that is wrong now is not done any more.
    moved.write("step_00_numbers", WRONG)
    moved.grader("check")
    assert list(json.loads((moved.root / MEMORY / PROGRESS_FILE).read_text())["done"]) == ["02"]


@in_terminal
def test_the_watcher_begins_in_a_moved_workspace_where_it_ended(terminal, terminals, tmp_path):
    terminal.start("1")
    terminal.wait_for("Step 01  Toy 1", "Not written yet")
    terminal.type("n")
    terminal.wait_for("Step 02 is done")
    terminal.type("q")
    terminal.wait_for_shell()
    moved = Kit(shutil.copytree(terminal.kit.root, tmp_path / "elsewhere"), terminal.kit.modules)
    moved.collected()
    another = terminals(moved)
    another.start()
    another.wait_for("Step 02 is done", "1 of 3 steps done")


def test_the_list_and_the_reset_as_commands(kit):
    (kit.root / "solutions").mkdir()
    shutil.copy(kit.root / "exercises" / "step_01_lines.py", kit.root / "solutions")
    kit.write("step_01_lines", WRONG)
    assert "0 of 2 steps done." in kit.grader("list").stdout
    kit.grader("check")
    listed = kit.grader("list")
    assert listed.returncode == 0 and "1 of 2 steps done." in listed.stdout
    assert re.search("00  Toy 0 +passed +3 of 3 tests", listed.stdout)
    assert re.search("01  Toy 1 +failed +1 of 3 tests", listed.stdout)
    ran = kit.grader("reset", "1")
    assert ran.returncode == 0, ran.stderr
    (copy,) = (kit.root / MEMORY / BACKUP).glob("*/step_01_lines.py")
    assert copy.read_text("utf-8") == WRONG and str(copy) in ran.stdout
    assert "NotImplementedError" in (kit.root / "exercises" / "step_01_lines.py").read_text()


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (feedback.empty_file("step_00_toy.py"), "cannot be run"),
        (feedback.load_timeout("step_00_toy.py", 3), "cannot be run"),
        (feedback.load_crash("step_00_toy.py", "", OSError()), "cannot be run"),
        (feedback.no_module("step_00_toy.py", "it is a picture"), "cannot be read"),
        (feedback.missing_function("double", "step_00_toy.py"), ""),
        (feedback.timeout(3), ""),
    ],
)
def test_verdicts_about_a_whole_file_are_told_from_those_about_functions(message, problem):
    step = Step("00", "step_00_toy", "Toy", 5, 1.0, ())
    verdict = TestVerdict("id", "00", "double", "t", "visible", Status.CRASHED, 1, message)
    assert StepVerdict(step, (verdict, verdict)).file_problem == problem
    right = replace(verdict, status=Status.PASSED, message="")
    assert StepVerdict(step, (verdict, right)).file_problem == ""


@pytest.fixture
def typed_into(monkeypatch):
    """A terminal that is the standard input; what is written to this descriptor is typed there."""
    if os.name == "nt":
        pytest.skip("there are no such terminals")
    terminal, inside = os.openpty()
    with os.fdopen(inside) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield terminal
    os.close(terminal)


@pytest.mark.usefixtures("typed_into")
def test_keys_that_nobody_asks_for_are_not_shown():
    import termios

    def echoes():
        return bool(termios.tcgetattr(sys.stdin)[3] & termios.ECHO)

    with unshown():
        assert not echoes()
    assert echoes()


# Tests that run in the background of a shell, and all that they start, would ignore Ctrl-C.
SLEEPING = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler); time.sleep(60)",
]


@pytest.mark.parametrize(
    ("typed", "ends"),
    [("q", True), ("\x1b[A", True), ("\x1b_Gi=1;OK\x1b\\", False), ("\x1b[?62;4c", False)],
)
def test_a_key_ends_a_command_and_an_answer_of_the_terminal_does_not(typed_into, typed, ends):
    start = time.monotonic()

    def is_over():
        if time.monotonic() - start > 1.2 and not written:
            written.append(os.write(typed_into, typed.encode()))
        return time.monotonic() - start > 4

    written = []
    with unshown():
        assert not run_until_key(SLEEPING, None, is_over)
        assert (time.monotonic() - start < 4) == ends
        assert run_until_key([sys.executable, "-c", ""], None, lambda: False)


def test_what_is_typed_twice_by_mistake_ends_no_command(typed_into):
    start = time.monotonic()
    with unshown():
        os.write(typed_into, b"s")
        run_until_key(SLEEPING, None, lambda: time.monotonic() - start > 2.5)
    assert time.monotonic() - start > 2.5


@pytest.mark.usefixtures("typed_into")
def test_a_wait_for_a_key_may_end_without_one():
    start = time.monotonic()
    wait_for_key("prompt", lambda: time.monotonic() - start > 0.5)
    assert 0.5 < time.monotonic() - start < 10


def test_names_of_keys():
    assert names_of("\x1b[A") == ["up"] and names_of("\x1b") == ["escape"]
    assert names_of("nq") == ["n", "q"] and names_of("\r") == ["enter"]
    assert names_of("\x04") == names_of("\x03") == ["quit"]
    assert names_of("\x1b[B\x1bOBj\x1b[6~") == ["down", "down", "j", "page down"]
    # Keys and combinations that mean nothing here: F5, Shift-Tab, Alt-q.
    assert names_of("\x1b[15~\x1b[Z\x1bq") == [] and names_of("ü") == ["ü"]
    # A paste that was meant for the editor must not reset a step.
    assert names_of("    return x + y\n") == []
