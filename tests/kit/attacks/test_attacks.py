"""Attacks on the grader: a class of hostile submissions, graded for real, with honest ones between them.

`submissions/NAME.py` is the end of a module that begins with honest.py and tools.py. Its docstring says what it
tries; the line `# expect:` says what each function may reach: `passed` (all of its tests), `partly` (any
number of them), or statuses joined by `|` of which its tests have one each. `rest` stands for all functions that
are not named; without it they may reach nothing. An attack that gets through answers rightly, so that it would
gain points.

The class is graded as the user who runs this. If that is root, the attacks on isolation are graded once more as
an ordinary user, where the layers are others.
"""

import ast
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from grader.course.course import Course
from tests.kit.attacks.special import FOLDERS, HONEST, MODULE, SOURCES, ZIPS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="grading needs Linux")

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).parent
FUNCTIONS = ("predict", "mse", "gradients", "numerical_gradients", "update")
ATTACKS = sorted((HERE / "submissions").glob("*.py"))
# What stands in a message when the attack itself is written wrongly.
MISTAKES = re.compile("NameError|UnboundLocalError|ModuleNotFoundError|IndentationError")
# More than a worker of this class may have, and little enough for any machine, were it given.
MEMORY_MB, BOMB_MB = 384, 1024
# More judges than processors: most of an attack is waiting for a limit.
OPTIONS = ("--jobs", "4", "--steps", "03")
POINTS = Course.load(ROOT).by_id["03"].points
OUTER_LIMIT = 900
ORDINARY = 60_777
# A place that every user can enter. Not below /tmp where that can be: a worker has a /tmp of its own, and attacks
# would miss what they look for instead of being refused it.
OUTSIDE = "/run" if os.geteuid() == 0 and os.path.isdir("/run") else None
# Attacks that isolation must stop, by the beginnings of their names.
ON_ISOLATION = ("bomb", "exit", "files", "forge", "kernel", "kill", "net", "read", "state", "stay")
EVERY = 20
STATUSES = {"passed", "failed", "not_started", "timeout", "crashed"}


def expected(line):
    """Return what each function may reach, from the words of an `# expect:` line."""
    words = dict(word.split("=") for word in line.split())
    rest = words.pop("rest", "nothing")
    assert words.keys() <= set(FUNCTIONS), line
    for said in (rest, *words.values()):
        assert said in ("nothing", "partly") or set(said.split("|")) <= STATUSES, line
    return {name: words.get(name, rest) for name in FUNCTIONS}


def expectation(path):
    """Return the words of a submission's `# expect:` line."""
    (words,) = re.findall(r"^# expect:(.*)$", path.read_text("utf-8"), re.MULTILINE)
    return words


def assemble(path, **names):
    """Return the module that an attack is the end of."""
    constants = "".join(f"{name} = {value!r}\n" for name, value in names.items())
    parts = (HONEST.decode(), (HERE / "tools.py").read_text("utf-8"), constants)
    return "\n".join((*parts, path.read_text("utf-8"))).encode()


@dataclass
class Run:
    """A class that was graded.

    Attributes:
        place: the folder that holds kit, class, out and canary.
        user: the user who graded, or None for the one who runs this.
        expected: what is expected of each submission, by the name of its results.
        before: the files around it, before it was graded.
        after: the same afterwards.
        ran: the command.
        left: processes that were still there.
        seconds: how long it took.
        visitors: how many connected to the port that submissions know of.
    """

    place: Path
    user: int | None
    expected: dict
    before: dict
    after: dict
    ran: subprocess.CompletedProcess
    left: list
    seconds: float
    visitors: int

    def results(self, name):
        """Return the results of a submission."""
        return json.loads((self.place / "out" / name / "results.json").read_text("utf-8"))


def make_kit(kit):
    """Copy what grading needs, and bait; the solutions are of no use to it."""
    for folder in ("grader", "tests/steps", "solutions"):
        shutil.copytree(ROOT / folder, kit / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", kit)
    course = (ROOT / "course.toml").read_text("utf-8")
    for old, new in (
        (r"^seconds = 10$", "seconds = 2"),
        (r"^memory_mb = \d+$", f"memory_mb = {MEMORY_MB}"),
    ):
        course, count = re.subn(old, new, course, flags=re.MULTILINE)
        assert count == 1, old
    (kit / "course.toml").write_text(course, "utf-8")
    (kit / ".git").mkdir()
    (kit / ".git" / "config").write_text("[core]\n")
    (kit / "secret").write_text("secret")
    (kit / "secret").chmod(0o600)


def make_class(folder, only_isolation, **names):
    """Make the submissions; return what is expected of each, by name."""
    folder.mkdir()
    makers = {path.stem: (expectation(path), path) for path in ATTACKS}
    if only_isolation:
        makers = {name: made for name, made in makers.items() if name.startswith(ON_ISOLATION)}
    else:
        makers |= SOURCES | FOLDERS | ZIPS
    result = {}

    def add(name, words, content):
        number = 999 if name == "last" else len(result)
        name = f"{number:03}-{'honest' if content is HONEST else name}"
        result[name] = expected(words)
        place = folder / name
        if name[4:].startswith("zip_"):
            content(folder / f"{name}.zip")
            return
        place.mkdir()
        if isinstance(content, Path):
            content = assemble(content, NAME=name, **names)
        if isinstance(content, bytes):
            (place / MODULE).write_bytes(content)
        else:
            content(place)

    for count, (name, (words, content)) in enumerate(makers.items()):
        if count % EVERY == 0:
            add("honest", "rest=passed", HONEST)
        add(name, words, content)
    add("last", "rest=passed", HONEST)
    # What is no submission at all.
    (folder / "500-link").symlink_to("../kit/solutions")
    (folder / "500-file.py").write_bytes(HONEST)
    return result


def files_below(*folders):
    """Return path, size and kind of all files, but for those that grading may make."""
    found = {}
    for folder in folders:
        for place, _, names in os.walk(folder):
            for name in ["", *names]:
                path = os.path.join(place, name)
                try:
                    status = os.lstat(path)
                except OSError:
                    continue
                # hypothesis keeps notes in the working folder of the judge.
                if "__pycache__" not in path and ".hypothesis" not in path:
                    stamp = (status.st_mode, status.st_uid, status.st_size * bool(name))
                    found[path] = stamp
    return found


def ours_in(folders):
    """Return what submissions may have left in folders that others use as well."""
    words = ("torchsteps-", "left-", "note", "bomb", "results.json", "mine", "pickled")
    found = {}
    for folder in filter(os.path.isdir, folders):
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            # One of another worker may go away between these two lines.
            if name.startswith(words):
                with contextlib.suppress(FileNotFoundError):
                    found[path] = os.lstat(path).st_ino
    return found


def is_in_use(path):
    """Return whether some process has this scratch folder as its working folder."""
    links = (f"/proc/{pid}/cwd" for pid in os.listdir("/proc") if pid.isdigit())
    return "torchsteps-" in path and any(path == _target(link) for link in links)


def _target(link):
    try:
        return os.readlink(link)
    except OSError:
        return ""


def wait_for_others(before, folders):
    """Return the same as `ours_in`, after workers that others run at this time had time to end."""
    end = time.monotonic() + 60
    while ours_in(folders).keys() - before.keys() and time.monotonic() < end:
        time.sleep(0.2)
    return ours_in(folders)


def processes(place):
    """Return the processes that have to do with this class: by their command, or by their working folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            folder = os.readlink(f"/proc/{pid}/cwd")
        except OSError:
            continue
        if (str(place).encode() in command or folder.startswith(str(place))) and int(
            pid
        ) != os.getpid():
            found.append((int(pid), command))
    return found


def open_to_all(path):
    """Return whether every user may enter all folders on the way to a path, and read it."""
    path = Path(os.path.realpath(path))
    return path.exists() and all(place.stat().st_mode & 0o5 for place in (path, *path.parents))


def interpreter_for_all(folder):
    """Return an interpreter that every user can run, with the packages of this one, or None."""
    packages = Path(pytest.__file__).parents[1]
    if open_to_all(sys.executable) and open_to_all(packages):
        return sys.executable
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    other = shutil.which(version, path="/usr/local/bin:/usr/bin")
    if not other or not open_to_all(other) or not open_to_all(packages):
        return None
    # An environment made by hand: the other interpreter, and our packages.
    (folder / "bin").mkdir(parents=True)
    (folder / "lib" / version).mkdir(parents=True)
    (folder / "lib" / version / "site-packages").symlink_to(packages)
    (folder / "bin" / "python").symlink_to(other)
    (folder / "pyvenv.cfg").write_text(f"home = {Path(other).parent}\n")
    return str(folder / "bin" / "python")


def grade(place, user):
    """Make a class in a folder, grade it, and look at what it left."""
    kit, out, canary = place / "kit", place / "out", place / "canary"
    make_kit(kit)
    canary.mkdir()
    (canary / "bait").write_text("bait")
    for folder in (out, place / "home"):
        folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        names = {"KIT": str(kit), "CLASS": str(place / "class"), "OUT": str(out)}
        names |= {"CANARY": str(canary), "PORT": port, "SIZE": BOMB_MB << 20}
        wanted = make_class(place / "class", user is not None, **names)
        python, options = sys.executable, {}
        if user is not None:
            python = interpreter_for_all(place / "python")
            if python is None:
                pytest.skip(
                    "no interpreter of this version with these packages is readable by all users"
                )
            for path in (place, *place.rglob("*")):
                os.chown(path, user, user, follow_symlinks=False)
            options = {"user": user, "group": user, "extra_groups": []}
        canary.chmod(0o1777)
        shared = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/")
        around = (kit, place / "class", canary)
        before = files_below(*around) | ours_in(shared)
        start = time.monotonic()
        ran = subprocess.run(
            [python, "-m", "grader", "grade", "../class", "--out", "../out", *OPTIONS],
            cwd=kit,
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": str(place / "home"),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=OUTER_LIMIT,
            check=False,
            **options,
        )
        seconds = time.monotonic() - start
        left = processes(place)
        after = files_below(*around) | wait_for_others(before, shared)
        visitors = 0
        while True:
            try:
                server.accept()[0].close()
            except BlockingIOError:
                break
            visitors += 1
    return Run(place, user, wanted, before, after, ran, left, seconds, visitors)


@pytest.fixture(scope="module", params=["myself", "ordinary"])
def run(request):
    """A class that was graded by this user, or by an ordinary one."""
    user = None
    if request.param == "ordinary":
        if os.geteuid() != 0:
            pytest.skip("who runs this is an ordinary user already")
        user = ORDINARY
    # Not in pytest's own folder, which no other user may enter.
    place = Path(tempfile.mkdtemp(prefix="attacks-", dir=OUTSIDE))
    place.chmod(0o755)
    try:
        yield grade(place, user)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def reached(tests):
    """Return the statuses of the tests of each function."""
    found = {name: [] for name in FUNCTIONS}
    for test in tests:
        found[test["function"]].append(test["status"])
    return found


def fits(words, statuses):
    """Return whether a function reached what was expected of it, and no more; by no test, nothing."""
    if not statuses or not words:
        return False
    if words == "nothing":
        return "passed" not in statuses
    if words == "partly":
        # Some of what a submission does harms its own other functions: only it loses by that.
        return True
    # Where it is not passed, a busy machine may end it before the attack does.
    return set(statuses) <= set(words.split("|")) | ({"timeout"} if words != "passed" else set())


@pytest.mark.parametrize(
    ("words", "statuses", "fitting"),
    [
        ("passed", ["passed", "passed"], True),
        ("passed", ["passed", "timeout"], False),
        ("failed|crashed", ["failed", "crashed", "timeout"], True),
        ("failed|crashed", ["failed", "passed"], False),
        ("nothing", ["failed", "not_started"], True),
        ("nothing", ["failed", "passed"], False),
        ("partly", ["failed", "passed"], True),
        *((words, [], False) for words in ("", "passed", "failed|crashed", "nothing", "partly")),
        *(("", [status], False) for status in ("passed", "failed", "timeout")),
    ],
)
def test_what_is_expected_is_said_and_reached_by_some_test(words, statuses, fitting):
    assert fits(words, statuses) is fitting


@pytest.mark.parametrize("line", ["gradients=", "rest=", "gradients=fialed", "gradient=failed"])
def test_an_expectation_that_says_nothing_is_refused(line):
    with pytest.raises(AssertionError):
        expected(line)


def test_there_are_many_attacks_and_each_says_what_it_tries():
    assert len(ATTACKS) + len(SOURCES) + len(FOLDERS) + len(ZIPS) >= 80
    for path in ATTACKS:
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path.name
        expected(expectation(path))


def test_the_run_ends_well_and_in_time(run):
    assert run.ran.returncode == 0, (run.ran.stdout + run.ran.stderr).decode()[-3000:]
    assert run.seconds < OUTER_LIMIT / 2


def test_every_submission_has_results_of_the_schema_and_no_other_has(run):
    found = {path.parent.name for path in (run.place / "out").glob("*/results.json")}
    assert found == set(run.expected)
    first = run.results("000-honest")
    shape = [
        (test["id"], test["function"], test["max_score"]) for test in first["steps"][0]["tests"]
    ]
    for name in run.expected:
        results = run.results(name)
        keys = {"schema", "submission", "sha256", "score", "max_score", "steps"}
        keys |= {"late", "versions", "not_taken", "notes"}
        assert results.keys() == keys and results["schema"] == 1
        assert results["submission"] == name and results["max_score"] == POINTS
        (step,) = results["steps"]
        tests = [(test["id"], test["function"], test["max_score"]) for test in step["tests"]]
        assert tests == shape, name
        assert {test["status"] for test in step["tests"]} <= STATUSES, name
        earned = sum(test["score"] for test in step["tests"] if test["status"] == "passed")
        assert results["score"] == pytest.approx(earned, abs=1e-4)
        assert all(test["score"] == 0 for test in step["tests"] if test["status"] != "passed")


def test_no_attack_gains_a_point_nor_harms_what_it_does_not_touch(run):
    wrong = []
    for name, wanted in run.expected.items():
        tests = run.results(name)["steps"][0]["tests"]
        for function, statuses in reached(tests).items():
            if not fits(wanted[function], statuses):
                message = next((t["message"] for t in tests if t["function"] == function), "")
                wrong.append((name, function, wanted[function], statuses, message[:300]))
    assert not wrong, "\n" + "\n".join(map(str, wrong))


def test_honest_submissions_between_them_have_full_marks(run):
    honest = [name for name in run.expected if name.endswith("-honest")]
    assert len(honest) > len(run.expected) // (EVERY + 2)
    assert all(run.results(name)["score"] == POINTS for name in honest)


def test_knowing_the_worked_examples_is_not_enough(run):
    if run.user is not None:
        pytest.skip("this has nothing to do with users")
    (name,) = (name for name in run.expected if name.endswith("cheat_memorise"))
    tests = [t for t in run.results(name)["steps"][0]["tests"] if t["function"] == "gradients"]
    assert {"passed", "failed"} <= {
        test["status"] for test in tests if test["visibility"] == "visible"
    }
    # A kit without the hidden tests has nothing to say about them.
    assert not any(test["status"] == "passed" for test in tests if test["visibility"] == "hidden")


def test_attacks_fail_because_they_are_stopped_and_not_because_they_are_written_wrongly(run):
    broken = {}
    for name in run.expected:
        if name[4:].startswith(("read_by_import", "source_", "hook_", "name_", "patch_", "raise_")):
            continue
        for test in run.results(name)["steps"][0]["tests"]:
            if MISTAKES.search(test["message"]):
                broken[name] = test["message"]
    assert not broken


def test_messages_act_on_nothing(run):
    for name in run.expected:
        for test in run.results(name)["steps"][0]["tests"]:
            assert len(test["message"]) + len(json.dumps(test["counterexample"])) < 20_000, name
        text = (run.place / "out" / name / "results.json").read_text("ascii")
        assert all(c.isprintable() or c == "\n" for c in text), name
    printed = (run.ran.stdout + run.ran.stderr).decode()
    assert all(c.isprintable() or c in "\n\r" for c in printed)


def test_nothing_is_left_behind(run):
    assert run.left == []
    new = {path for path, stamp in run.after.items() if run.before.get(path) != stamp}
    # Of the folders that workers of others have now, none is ours: those were ended long ago.
    assert {path for path in new if not is_in_use(path)} == set()
    gone = run.before.keys() - run.after.keys()
    assert not [path for path in gone if path.startswith(str(run.place))]
    out = run.place / "out"
    assert {path.name for path in out.iterdir()} == {
        *run.expected,
        *("timings.json", "gradebook.db", "gradebook.lock"),
        *("gradebook.csv", "nbgrader.csv", "junit.xml"),
    }
    for name in run.expected:
        assert [path.name for path in (out / name).iterdir()] == ["results.json"], name


def test_no_process_of_a_worker_is_left(run):
    users = range(61_000, 64_000) if run.user is None else (run.user,)
    left = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        if int(re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE)[1]) in users:
            left.append(pid)
    assert left == []


def test_nobody_came_over_the_network(run):
    assert run.visitors == 0
