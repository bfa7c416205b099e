"""What works in a script works in every worker; what a sandbox refuses, all workers refuse alike."""

import ast
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from grader.course.limits import LAYERS
from grader.launch.launchers import SpawnLauncher
from grader.wire import messages
from grader.wire.decoder import decode
from grader.worker import surroundings
from tests.kit.attacks.test_attacks import ORDINARY, ROOT, interpreter_for_all

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")

# Each function is called once, in this order, all by one worker; what it returns is compared.
SOURCE = """import os, shutil, sys, tempfile, torch
import multiprocessing
import torch.utils.data.dataloader as loaders
from pathlib import Path
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

SIX = TensorDataset(torch.arange(6.0).reshape(6, 1))


class Mine(loaders.DataLoader):
    def __init__(self, *args, **options):
        super().__init__(*args, num_workers=3, **options)

    def __iter__(self):
        yield from super().__iter__()


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(3))


def loader_with_workers():
    return [x.sum().item() for x, in DataLoader(SIX, batch_size=2, num_workers=2)]

def loader_with_all_options():
    loader = DataLoader(SIX, batch_size=4, num_workers=2, persistent_workers=True, prefetch_factor=4, timeout=5,
                        multiprocessing_context="fork", worker_init_fn=print, pin_memory=True)
    return [[x.sum().item() for x, in loader] for _ in range(2)], loader.num_workers, loader.timeout

def loader_shuffled_as_with_no_workers():
    orders = []
    for workers in (0, 2):
        generator = torch.Generator().manual_seed(1)
        loader = DataLoader(SIX, shuffle=True, num_workers=workers, generator=generator)
        orders.append([x.item() for x, in loader])
    return orders[0] == orders[1] != sorted(orders[0])

def loader_subclass():
    return len(list(Mine(SIX, batch_size=4)))

def loader_changed_later():
    loader = DataLoader(SIX)
    loader.num_workers = 2
    return len(list(loader))

def loader_of_a_stream():
    loader = DataLoader(Stream(), num_workers=2, persistent_workers=True, multiprocessing_context="spawn")
    return [[x.item() for x in loader] for _ in range(2)], torch.utils.data.get_worker_info()

def cards():
    return os.environ["CUDA_VISIBLE_DEVICES"], torch.cuda.is_available(), torch.cuda.device_count()

def _write_and_read(folder):
    path = Path(folder, f"note-{os.getpid()}")
    path.write_text("4.0")
    text = path.read_text()
    path.unlink()
    return text

def files():
    folders = ("/tmp", "/var/tmp", "/dev/shm", ".", "~", os.getcwd(), tempfile.gettempdir(), Path.home())
    return [_write_and_read(os.path.expanduser(folder)) for folder in folders]

def files_of_tempfile():
    handle, path = tempfile.mkstemp(dir="/tmp", suffix=".pt")
    os.close(handle)
    torch.save({"w": torch.ones(2)}, path)
    weights = torch.load(path)["w"].sum().item()
    os.remove(path)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, tempfile.NamedTemporaryFile(dir=folder) as file:
        return weights, os.listdir(folder) == [os.path.basename(file.name)]

def files_moved_and_copied():
    path = Path(f"/tmp/note-{os.getpid()}.new")
    path.write_text("1")
    os.replace(path, path.with_suffix(".old"))
    shutil.move(path.with_suffix(".old"), "moved")
    shutil.copy("moved", "copied")
    shutil.copy2("moved", path)
    os.remove(path)
    Path("copied").touch()
    return Path("copied").read_text()

def files_in_folders():
    os.makedirs("runs/first")
    Path("runs/first/log").write_text("1")
    shutil.copytree("runs", "other")
    shutil.make_archive("runs", "zip", "runs")
    shutil.unpack_archive("runs.zip", "third")
    shutil.rmtree("runs")
    return os.listdir("third/first")

def log():
    import logging
    logging.basicConfig(filename="train.log", level="INFO", force=True)
    logging.info("epoch 0")
    return Path("train.log").read_text()

def environment():
    return [os.environ[name] for name in ("USER", "LOGNAME", "SHELL", "LANG")] + ["bin" in os.environ["PATH"]]

def environment_home():
    return os.environ["HOME"] == os.path.expanduser("~") == str(Path.home()) == os.getcwd() == os.environ["PWD"]

def user():
    import getpass, pwd
    names = getpass.getuser(), os.getlogin(), pwd.getpwuid(os.getuid()).pw_name
    return names, Path("copied").owner(), Path("copied").group()

def machine():
    import platform
    return bool(platform.node()), bool(platform.platform()), os.cpu_count() > 0, platform.processor() is not None

def source_opened():
    with open(__file__) as file:
        return file.readline().split()[0], Path(__file__).is_absolute(), os.path.basename(__file__)

def source_beside():
    (Path(__file__).parent / "x").write_text("1")
    return os.path.exists(os.path.join(os.path.dirname(__file__), "x"))

def source_inspected():
    import inspect
    return [inspect.getsource(thing).split("(")[0] for thing in (source_beside, Mine)]

def arguments():
    import argparse
    return sys.argv == [__file__], vars(argparse.ArgumentParser().parse_args())

def threads():
    from concurrent.futures import ThreadPoolExecutor
    from multiprocessing.dummy import Pool as Dummy
    from multiprocessing.pool import ThreadPool
    import torch.multiprocessing
    torch.set_num_threads(2)
    with ThreadPoolExecutor(2) as executor:
        found = [list(executor.map(abs, [-1, 2]))]
    contexts = (multiprocessing, torch.multiprocessing, multiprocessing.get_context("spawn"))
    for kind in (ThreadPool, Dummy, *(context.Pool for context in contexts)):
        with kind(2) as pool:
            found.append(pool.map(abs, [-1, 2]))
    return found == [[1, 2]] * 6

def locks():
    queue, event = multiprocessing.Queue(), multiprocessing.Event()
    value = multiprocessing.Value("i", 3)
    with multiprocessing.Lock(), value.get_lock():
        queue.put(value.value)
        event.set()
    return queue.get(timeout=20), event.is_set()

def jobs_of_sklearn():
    from joblib import Parallel, delayed
    from sklearn.linear_model import LinearRegression
    LinearRegression(n_jobs=2).fit([[0.0], [1.0]], [0.0, 1.0])
    return Parallel(n_jobs=2)(delayed(abs)(-i) for i in range(3))

def compiled():
    return torch.compile(torch.nn.Linear(2, 1))(torch.ones(1, 2)).shape == (1, 1)

def screen_cleared():
    os.system("clear")

def manners():
    os.utime("copied", (1, 1))
    os.sched_setaffinity(0, [0])
    return os.nice(1), os.getpriority(os.PRIO_PROCESS, 0), len(os.getloadavg())

def no_process():
    multiprocessing.Process(target=print).start()

def no_pool_of_processes():
    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor(2) as executor:
        return list(executor.map(abs, [-1]))

def no_process_of_torch():
    import torch.multiprocessing
    torch.multiprocessing.spawn(print, nprocs=2)

def no_program():
    import subprocess
    subprocess.run(["ls"])

def no_command():
    return os.popen("ls").read()

def no_fork():
    os.fork()

def no_other_way_to_a_process():
    os.posix_spawn("/bin/true", ["true"], {})

def no_process_of_another_context():
    multiprocessing.get_context("spawn").Process(target=print).start()

def no_memory_that_processes_share():
    from multiprocessing import shared_memory
    shared_memory.SharedMemory(create=True, size=8)

def no_links():
    os.symlink("copied", "link")

def no_rights():
    os.chmod("copied", 0o600)

def no_rights_of_open_files():
    with open("copied") as file:
        os.fchmod(file.fileno(), 0o600)

def no_owners():
    os.chown("copied", os.getuid(), os.getgid())

def no_signals():
    os.kill(os.getpid(), 0)

def no_signals_to_itself():
    import signal
    signal.raise_signal(signal.SIGUSR1)

def no_pipe_with_a_name():
    os.mkfifo("pipe")

def no_limits():
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))

def no_event_loop():
    import asyncio
    asyncio.run(asyncio.sleep(0))

def no_socket():
    import socket
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

def no_network():
    import urllib.request
    urllib.request.urlopen("http://127.0.0.1:9")

if __name__ == "__main__":
    raise SystemExit("it is not run as a program")
"""
NAMES = [
    node.name
    for node in ast.parse(SOURCE).body
    if isinstance(node, ast.FunctionDef) and node.name[0] != "_"
]
EXPECTED = {
    "loader_with_workers": [1.0, 5.0, 9.0],
    "loader_with_all_options": ([[6.0, 9.0]] * 2, 2, 5),
    "loader_shuffled_as_with_no_workers": True,
    "loader_subclass": 2,
    "loader_changed_later": 6,
    "loader_of_a_stream": ([[0, 1, 2]] * 2, None),
    "cards": ("", False, 0),
    "files": ["4.0"] * 8,
    "files_of_tempfile": (2.0, True),
    "files_moved_and_copied": "1",
    "files_in_folders": ["log"],
    "log": "INFO:root:epoch 0\n",
    "environment": ["learner", "learner", "/bin/sh", "C.UTF-8", True],
    "environment_home": True,
    "user": (("learner",) * 3, "learner", "learner"),
    "machine": (True,) * 4,
    "source_opened": ("import", True, "toy.py"),
    "source_beside": True,
    "source_inspected": ["def source_beside", "class Mine"],
    "arguments": (True, {}),
    "threads": True,
    "locks": (3, True),
    "jobs_of_sklearn": [0, 1, 2],
    "compiled": True,
    "screen_cleared": None,
    "manners": (0, 0, 3),
}
REFUSED = {
    "no_process": surroundings.ONE_PROCESS,
    "no_pool_of_processes": surroundings.ONE_PROCESS,
    "no_process_of_torch": surroundings.ONE_PROCESS,
    "no_program": surroundings.ONE_PROCESS,
    "no_command": surroundings.ONE_PROCESS,
    "no_fork": surroundings.ONE_PROCESS,
    "no_other_way_to_a_process": surroundings.ONE_PROCESS,
    "no_process_of_another_context": surroundings.ONE_PROCESS,
    "no_memory_that_processes_share": surroundings.ONE_PROCESS,
    "no_links": surroundings.NO_LINKS,
    "no_rights": surroundings.NO_LINKS,
    "no_rights_of_open_files": surroundings.NO_LINKS,
    "no_owners": surroundings.NO_LINKS,
    "no_signals": surroundings.NO_SYSTEM.format("os.kill"),
    "no_signals_to_itself": surroundings.NO_SYSTEM.format("signal.raise_signal"),
    "no_pipe_with_a_name": surroundings.NO_SYSTEM.format("os.mkfifo"),
    "no_limits": surroundings.NO_SYSTEM.format("resource.setrlimit"),
    "no_event_loop": surroundings.NO_SYSTEM.format("socket.socketpair"),
    "no_socket": surroundings.NO_NETWORK,
    "no_network": surroundings.NO_NETWORK,
}
LIMIT = 120.0


def ask(connection, request):
    """Return what a worker answers."""
    return decode(connection.request(request, time.monotonic() + LIMIT))


def load(connection, source):
    """Load a module into a worker."""
    request = messages.load("toy", "toy.py", source.encode(), {})
    assert ask(connection, request) == {"kind": "loaded"}


def call(connection, name, *arguments):
    """Return what a worker answers to a call."""
    return ask(connection, messages.call(name, arguments))


@pytest.fixture(scope="module")
def sandboxed(fork_launcher):
    """A launcher of workers in all layers."""
    branch = fork_launcher.branch(LAYERS)
    yield branch
    branch.close()


@pytest.fixture(scope="module", params=["forked", "sandboxed", "spawned"])
def answers(request, fork_launcher, sandboxed):
    """What a worker answers to a call of each function."""
    launchers = {"forked": fork_launcher, "sandboxed": sandboxed, "spawned": SpawnLauncher()}
    connection = launchers[request.param].start(["sklearn", "optimizers"])
    load(connection, SOURCE)
    found = {name: call(connection, name) for name in NAMES}
    connection.end()
    return found


def test_every_function_of_the_module_has_something_that_is_expected():
    assert [*EXPECTED, *REFUSED] == NAMES


@pytest.mark.parametrize("name", EXPECTED)
def test_what_works_in_a_script_works_in_every_worker(answers, name):
    answer = answers[name]
    assert answer.get("value") == EXPECTED[name] and answer["kind"] == "value", answer


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_sandbox_refuses_is_refused_everywhere_with_a_sentence(answers, name):
    answer = answers[name]
    assert answer["kind"] == "raised"
    assert REFUSED[name] in answer["message"]


FILES = """
import os
FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", ".", os.path.expanduser("~"))

def leave(name):
    for folder in FOLDERS:
        with open(f"{folder}/{name}", "w") as file:
            file.write("4.0")
    return [sorted(os.listdir(folder)) for folder in FOLDERS]

def look(name):
    return [os.path.exists(f"{folder}/{name}") for folder in FOLDERS]

def fill():
    for number in range(40):
        with open(f"{FOLDERS[number % 3]}/{number}", "wb") as file:
            file.write(bytes(4 << 20))
"""


def test_the_shared_folders_of_a_worker_are_seen_by_nobody_else(sandboxed):
    name = f"left-{os.getpid()}"
    first, second = sandboxed.start([]), sandboxed.start([])
    for connection in (first, second):
        load(connection, FILES)
    assert all(name in names for names in call(first, "leave", name)["value"])
    assert not any(call(second, "look", name)["value"])
    assert not any(
        os.path.exists(f"{folder}/{name}") for folder in ("/tmp", "/var/tmp", "/dev/shm")
    )
    first.end()
    second.end()


def test_all_folders_together_hold_no_more_than_the_scratch_folder_may(sandboxed):
    connection = sandboxed.start([])
    load(connection, FILES)
    assert "No space left" in call(connection, "fill")["message"]
    connection.end()


def test_messages_name_no_scratch_folder(fork_launcher):
    """A traceback names the file as a learner does; the folder has another name in each run."""
    source = "import traceback\ndef f():\n    try:\n        1 / 0\n    except Exception:\n"
    source += "        return traceback.format_exc()\n"
    connection = fork_launcher.start([])
    load(connection, source)
    text = call(connection, "f")["value"]
    assert re.findall('File "(.*)"', text) == ["toy.py"]
    connection.end()


LATE = """
import os, site, sys
def late():
    import late, wave
    return wave.__name__, sys.prefix

def harm(path):
    with open(path, "a") as file:
        file.write("import os")
"""
IN_TMP = """
import sys, time
sys.path.insert(0, {root!r})
from tests.kit.test_surroundings import FILES, LATE, LAYERS, call, load
from grader.launch.launchers import ForkLauncher
launcher = ForkLauncher(LAYERS)
connection = launcher.start([])
load(connection, LATE)
print(call(connection, "late")["value"])
print([call(connection, "harm", path)["type"] for path in sys.argv[1:]])
second = launcher.start([])
load(second, FILES)
print(len(call(second, "leave", "note")["value"]))
launcher.close()
"""


@pytest.mark.parametrize("user", ["myself", "ordinary"])
def test_an_interpreter_and_packages_below_tmp_can_be_read_and_not_be_changed(user):
    """An environment below /tmp, as a clone for one run has it: seen by a worker whose /tmp is its own."""
    if user == "ordinary" and os.geteuid() != 0:
        pytest.skip("who runs this is an ordinary user already")
    if Path(pytest.__file__).resolve().is_relative_to("/tmp"):
        pytest.skip("the packages, which are linked here, lie below /tmp themselves")
    with tempfile.TemporaryDirectory(prefix="environment-", dir="/tmp") as name:
        place = Path(name)
        python = place / "bin" / "python"
        python.parent.mkdir()
        python.symlink_to(os.path.realpath(interpreter_for_all(place / "other") or sys.executable))
        packages = place / "lib" / f"python3.{sys.version_info[1]}" / "site-packages"
        packages.mkdir(parents=True)
        for path in Path(pytest.__file__).parents[1].iterdir():
            (packages / path.name).symlink_to(path)
        target = packages / "late.py"
        target.write_text("# A package that is not loaded before a worker asks for it.")
        (place / "pyvenv.cfg").write_text(f"home = {os.path.dirname(os.path.realpath(python))}\n")
        ours = {}
        if user == "ordinary":
            for path in (place, *place.rglob("*")):
                os.chown(path, ORDINARY, ORDINARY, follow_symlinks=False)
            ours = {"user": ORDINARY, "group": ORDINARY, "extra_groups": []}
        # Their rights would not keep anybody from changing them.
        target.chmod(0o666)
        packages.chmod(0o777)
        before = target.read_bytes()
        ran = subprocess.run(
            [python, "-c", IN_TMP.format(root=str(ROOT)), target, packages / "new.py"],
            env={"PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            **ours,
        )
        assert ran.returncode == 0, ran.stderr
        late, harm, left = ran.stdout.splitlines()
        assert ast.literal_eval(late) == ("wave", str(place))
        assert ast.literal_eval(harm) == ["OSError"] * 2 and left == "5"
        assert target.read_bytes() == before and not (packages / "new.py").exists()
