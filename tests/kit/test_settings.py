"""What one function leaves behind in the worker's process changes nothing for another one."""

import pytest
import torch
from torch import nn

from grader.judge.learner import Learner
from grader.testing.probes import probe
from tests.kit.conftest import Counted

SOURCE = '''
import gc, locale, math, os, random, shutil, signal, sys, threading, time, warnings

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

def look():
    """What others can notice of this process."""
    modes = torch._C._len_torch_function_stack(), torch._C._len_torch_dispatch_stack()
    hooks = len(nn.modules.module._global_forward_hooks)
    patched = [f.__module__ for f in (F.mse_loss, np.allclose, nn.Linear.forward, sum, torch.zeros)]
    x = torch.ones(2, 2, requires_grad=True)
    y = (x @ x).sum()
    with torch.no_grad():
        fresh = torch.zeros(1)
    return {
        "gradients": [torch.is_grad_enabled(), torch.is_inference_mode_enabled(), y.requires_grad],
        "made by default": [str(fresh.dtype), str(fresh.device), str(y.dtype)],
        "autocast": [torch.is_autocast_enabled("cpu"), torch.is_autocast_enabled("cuda")],
        "torch": [*modes, hooks, torch.get_num_threads(), torch.is_anomaly_enabled()],
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "printed": [repr(torch.tensor([1 / 3])), repr(np.array([1 / 3]))],
        "numpy": sorted(np.geterr().items()),
        "warnings": [repr(entry) for entry in warnings.filters],
        "python": [sys.getrecursionlimit(), sys.gettrace(), sys.getprofile(), sys.path],
        "streams": [type(sys.stdout).__name__, sys.stdout.closed],
        "place": [os.getcwd(), sorted(os.environ.items())],
        "threads": threading.active_count(),
        "signals": [str(signal.getsignal(signal.SIGALRM)), signal.getitimer(signal.ITIMER_REAL)[0]],
        "locale": locale.setlocale(locale.LC_ALL),
        "hooks": str(sys.excepthook),
        "small": float(tiny) != 0,
        "patched": patched,
        "mask": os.umask(0o77) + 0 * os.umask(0o22),
    }

def enter(context):
    context.__enter__()
    kept.append(context)

kept, tiny = [], "5e-324"

class Everywhere(torch.overrides.TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))

class Below(torch.utils._python_dispatch.TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))

def leave(line):
    exec(line, globals())
'''
# What a new worker does not have to be asked for.
PUT_BACK = {
    "no gradients": "torch.set_grad_enabled(False)",
    "a context without gradients": "enter(torch.no_grad())",
    "inference": "enter(torch.inference_mode())",
    "float64 by default": "torch.set_default_dtype(torch.float64)",
    "another tensor type by default": "torch.set_default_tensor_type(torch.DoubleTensor)",
    "another device by default": "torch.set_default_device('meta')",
    "a context of another device": "enter(torch.device('meta'))",
    "a context of functions": "enter(Everywhere())",
    "autocast": "enter(torch.autocast('cpu', dtype=torch.bfloat16))",
    # The folder is torch's own doing.
    "deterministic algorithms": "torch.use_deterministic_algorithms(True);"
    " [shutil.rmtree(name) for name in os.listdir() if 'inductor' in name]",
    "anomaly detection": "torch.autograd.set_detect_anomaly(True)",
    "threads of torch": "torch.set_num_threads(3)",
    "errors of NumPy": "np.seterr(all='raise')",
    "a context of NumPy": "enter(np.errstate(all='raise'))",
    "warnings are errors": "warnings.simplefilter('error')",
    "another working folder": "os.chdir('/')",
    "the environment": "os.environ['HOME'] = '/'; os.environ['NEW'] = '1'; del os.environ['TMPDIR']",
    "the import path": "sys.path.insert(0, '/')",
    "the recursion limit": "sys.setrecursionlimit(500)",
    "a trace function": "sys.settrace(lambda *a: None)",
    "a profile function": "sys.setprofile(lambda *a: None)",
    "another output": "import io; sys.stdout = io.StringIO()",
}
NEW_WORKER = {
    "warnings in a context": "enter(warnings.catch_warnings())",
    "a thread": "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
    "a signal handler": "signal.signal(signal.SIGALRM, lambda *a: None)",
    "an alarm": "signal.setitimer(signal.ITIMER_REAL, 600)",
    "how torch prints": "torch.set_printoptions(precision=1)",
    "how NumPy prints": "np.set_printoptions(precision=1)",
    "the exception hook": "sys.excepthook = print",
    "a closed output": "sys.stdout.close()",
    "a hook for all layers": "nn.modules.module.register_module_forward_hook(lambda *a: None)",
    "a context of operations": "enter(Below())",
    "flushing to zero": "torch.set_flush_denormal(True)",
    "a file": "open('left.txt', 'w').close()",
    "the mask of new files": "os.umask(0o777)",
    "a removed folder": "os.mkdir('x'); os.chdir('x'); os.rmdir('../x')",
    "autocast on cards": "torch.set_autocast_enabled('cuda', True)",
}
# These name what they change, as a module's own code does.
PATCHES = {
    "a function of torch": "F.mse_loss = lambda *a: torch.tensor(0.0)",
    "a function of NumPy": "np.allclose = lambda *a, **k: True",
    "by setattr": "setattr(torch, 'zeros', torch.ones)",
    "a method": "nn.Linear.forward = lambda self, x: x",
    "a built-in": "import builtins; builtins.sum = max",
}


@pytest.fixture
def launcher(fork_launcher):
    """A launcher that counts."""
    return Counted(fork_launcher)


@pytest.mark.parametrize("name", PUT_BACK)
def test_what_a_call_leaves_is_put_back_before_the_next_one(launcher, session_factory, name):
    with session_factory(launcher, SOURCE) as session:
        learner = Learner(session, "leave")
        before = learner.look().value
        learner.leave(PUT_BACK[name])
        assert learner.look().value == before
        learner.leave(PUT_BACK[name])
        assert Learner(session, "other").look().value == before
        assert launcher.started == 1


@pytest.mark.parametrize("name", [*NEW_WORKER, *PATCHES])
def test_after_what_cannot_be_put_back_another_function_has_a_new_worker(
    launcher, session_factory, name
):
    line = (NEW_WORKER | PATCHES)[name]
    source = SOURCE + (f"\n\ndef patch():\n    {line}\n" if name in PATCHES else "")
    with session_factory(launcher, source) as session:
        learner = Learner(session, "leave")
        before = learner.look().value
        learner.patch() if name in PATCHES else learner.leave(line)
        # The function's own tests go on in the same process.
        assert launcher.started == 1
        learner.leave("pass")
        assert launcher.started == 1
        after = Learner(session, "other").look().value
        # Only the scratch folder is another one.
        old, new = (dict(seen["place"][1])["HOME"] for seen in (before, after))
        assert str(after).replace(new, old) == str(before)
        assert launcher.started == 2


def test_functions_that_leave_nothing_share_a_worker(launcher, session_factory):
    with session_factory(launcher, SOURCE) as session:
        for function in "one", "two", "one", "three":
            Learner(session, function).look()
            Learner(session, function).leave("torch.manual_seed(1); x = torch.ones(3).sum()")
        assert launcher.started == 1


AT_IMPORT = {
    "gradients": "torch.set_grad_enabled(False)",
    "made by default": "torch.set_default_dtype(torch.float64)",
    "numpy": "np.seterr(all='raise')",
    "warnings": "warnings.simplefilter('error', UserWarning)",
    "torch": "torch.set_num_threads(2)",
    "printed": "torch.set_printoptions(precision=2)",
    "python": "sys.setrecursionlimit(5000)",
    "threads": "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
}


@pytest.mark.parametrize("name", AT_IMPORT)
def test_what_the_module_sets_at_its_top_stays(launcher, session_factory, name):
    with session_factory(launcher, SOURCE) as session:
        plain = Learner(session, "one").look().value
    with session_factory(launcher, f"{SOURCE}\n{AT_IMPORT[name]}\n") as session:
        first = Learner(session, "one").look().value
        assert first[name] != plain[name]
        assert Learner(session, "two").look().value == first
        assert launcher.started == 2


HOSTILE = """
class Refusing:
    def __getattr__(self, name):
        raise ValueError(name)

sys.stdout = sys.stderr = sys.stdin = Refusing()
"""


@pytest.mark.parametrize(
    "module", [HOSTILE, "os.close(0)", "os.mkdir('x'); os.chdir('x'); os.rmdir('../x')"]
)
def test_a_module_may_leave_what_does_not_tell_about_itself(launcher, session_factory, module):
    source = f"import os, sys\n{module}\ndef one():\n    return 1\ndef two():\n    return 2\n"
    with session_factory(launcher, source) as session:
        Learner(session, "one").one().equals(1)
        Learner(session, "two").two().equals(2)


LEGAL = """
torch.set_num_interop_threads(4)
torch.set_num_threads(2)
torch.manual_seed(1)
torch.autograd.set_detect_anomaly(True)
torch.backends.cudnn.deterministic = True
torch.backends.cudnn.benchmark = False
torch.multiprocessing.set_sharing_strategy("file_system")
torch.multiprocessing.set_start_method("spawn")
torch.set_float32_matmul_precision("high")
torch.use_deterministic_algorithms(True)
torch.set_default_device("cpu")
"""


def test_settings_that_a_script_may_make_once_can_be_made(launcher, session_factory):
    with session_factory(launcher, SOURCE + LEGAL) as session:
        first = Learner(session, "one").look().value
        assert first["deterministic"] is True
        assert Learner(session, "two").look().value == first
        assert launcher.started == 1


# The defaults of a module and of a probe

OWN = """
import torch
from torch import nn

torch.set_default_dtype(torch.float64)

def made():
    return torch.zeros(1)

class Made(nn.Linear):
    def __init__(self):
        super().__init__(1, 1)

def use(make):
    return [made().dtype == torch.float64, str(make().dtype), str(torch.zeros(1).dtype)]

def later():
    for _ in range(3):
        yield str(torch.zeros(1).dtype)

def give():
    return lambda: str(torch.zeros(1).dtype)

def fail():
    raise ValueError("no")
"""


@probe
def kinds_made(module):
    """make tensors, and let the module make some"""

    def make():
        return torch.zeros(1)

    seen = {"probe": str(make().dtype), "model": str(nn.Linear(1, 1).weight.dtype)}
    seen["function"] = str(module.made().dtype)
    seen["class"] = str(module.Made().weight.dtype)
    seen["both"] = module.use(make)
    seen["generator"] = [(kind, str(make().dtype)) for kind in module.later()]
    seen["closure"] = module.give()()
    try:
        module.fail()
    except ValueError:
        seen["after an error"] = str(make().dtype)
    return seen


@pytest.mark.parametrize("kind", ["fork", "direct"])
def test_a_modules_default_dtype_is_not_a_probes(request, session_factory, kind):
    with session_factory(request.getfixturevalue(f"{kind}_launcher"), OWN) as session:
        learner = Learner(session, "made")
        for _ in range(2):
            assert learner.run(kinds_made).value == {
                "probe": "torch.float32",
                "model": "torch.float32",
                "function": "torch.float64",
                "class": "torch.float64",
                "both": [True, "torch.float32", "torch.float64"],
                "generator": [("torch.float64", "torch.float32")] * 3,
                "closure": "torch.float64",
                "after an error": "torch.float32",
            }
            assert str(learner.made().value.dtype) == "torch.float64"
    torch.set_default_dtype(torch.float32)
