"""Settings: the global state of a worker's process, so that calls of one function cannot affect another function.

The functions of a module are judged one by one, but they share a process. So before each call, the settings of the
process are restored to what they were right after the module's import: what the module sets at its top is the
learner's choice and stays, and what a function changes is undone. `put_back` restores the settings that functions
are likely to change and that are cheap to read. For everything else, `unchanged` says whether the process is still
as it was. The judge asks before the tests of another function begin, and starts a new worker if it is not.

All functions that read settings are bound before any of the learner's code runs. A hostile module can still hide
what it changed, but that harms only its own other functions.
"""

from __future__ import annotations

import _locale
import _signal  # type: ignore[import-not-found]
import _thread
import builtins
import contextlib
import os
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Getter = Callable[[], Any]
Setter = Callable[[Any], Any]


class Settings:
    """The settings of this process, recorded once, after the module's import."""

    def __init__(self) -> None:
        torch = sys.modules.get("torch")
        self._restorable = [
            *_restorable_in_python(),
            *(_restorable_in_torch(torch) if torch else ()),
        ]
        self._comparable = [
            *_comparable_in_python(),
            *(_comparable_in_torch(torch) if torch else ()),
        ]
        self._to_restore: list[tuple[Getter, Setter, Any]] = []
        self._to_compare: list[tuple[Getter, Any]] = []
        self._watched: list[tuple[Any, str, Any]] = []
        self._failed = False

    def note(self, module: types.ModuleType, code: types.CodeType) -> None:
        """Record the settings after the import of a module, which was executed from this code."""
        self._to_restore = [
            (get, restore, value) for get, restore in self._restorable for value in _read(get)
        ]
        self._to_compare = [(get, value) for get in self._comparable for value in _read(get)]
        self._watched = list(_watched(module, _mentioned(code)))

    def put_back(self) -> None:
        """Restore the settings that have changed since the import."""
        try:
            for get, restore, value in self._to_restore:
                if get() != value:
                    restore(value)
        except Exception:
            self._failed = True

    def unchanged(self) -> bool:
        """Restore what can be restored, and return whether everything is then as it was after the import."""
        self.put_back()
        try:
            equal = all(get() == value for get, value in self._to_compare)
            unpatched = all(names.get(name) is value for names, name, value in self._watched)
        except Exception:
            return False
        return equal and unpatched and not self._failed


def _read(get: Getter) -> list[Any]:
    """Return a value in a list of one, or an empty list if one of the learner's objects raises."""
    try:
        return [get()]
    except Exception:
        return []


def _restorable_in_python() -> Iterator[tuple[Getter, Setter]]:
    """Yield a getter and a setter for each setting of Python and NumPy that can be restored."""
    environment: Any = os.environ
    # The encoded variables behind `environ`: reading `environ` itself takes ten times as long.
    variables = environment._data

    def set_environment(saved: dict[Any, Any]) -> None:
        # Through `environ`, so that the C library's environment changes, too.
        for name in variables.keys() - saved.keys():
            del environment[environment.decodekey(name)]
        for name, value in saved.items():
            environment[environment.decodekey(name)] = environment.decodevalue(value)

    reset_warnings = warnings.resetwarnings

    def set_filters(saved: tuple[Any, ...]) -> None:
        reset_warnings()
        filters: Any = warnings.filters
        filters.extend(saved)

    def set_path(saved: tuple[str, ...]) -> None:
        sys.path[:] = saved

    def set_streams(saved: tuple[Any, ...]) -> None:
        sys.stdin, sys.stdout, sys.stderr = saved

    yield lambda: dict(variables), set_environment
    yield os.getcwd, os.chdir
    yield lambda: tuple(warnings.filters), set_filters
    yield lambda: tuple(sys.path), set_path
    yield lambda: (sys.stdin, sys.stdout, sys.stderr), set_streams
    yield sys.getrecursionlimit, sys.setrecursionlimit
    yield sys.gettrace, sys.settrace
    yield sys.getprofile, sys.setprofile
    set_errors = np.seterr
    yield np.geterr, lambda saved: set_errors(**saved)


def _restorable_in_torch(torch: Any) -> Iterator[tuple[Getter, Setter]]:
    """Yield a getter and a setter for each setting of torch that can be restored."""
    inference, guards = torch._C._InferenceMode, []

    def set_inference(saved: bool) -> None:
        guard = inference(saved)
        guard.__enter__()
        # The mode would end with the object.
        guards.append(guard)

    modes, end_mode = torch._C._len_torch_function_stack, torch._C._pop_torch_function_stack
    set_device = torch.set_default_device

    def end_modes(saved: int) -> None:
        if saved:
            raise ValueError("it is not known which modes were ended")
        # A default device is such a mode, too.
        with contextlib.suppress(Exception):
            set_device(None)
        while modes():
            end_mode()

    autocast, set_autocast = torch.is_autocast_enabled, torch.set_autocast_enabled
    yield torch.is_inference_mode_enabled, set_inference
    # After inference mode, which changes this setting.
    yield torch.is_grad_enabled, torch._C._set_grad_enabled
    yield torch.get_default_dtype, torch.set_default_dtype
    yield modes, end_modes
    yield lambda: autocast("cpu"), lambda saved: set_autocast("cpu", saved)
    yield torch._C._get_deterministic_algorithms, torch._C._set_deterministic_algorithms
    yield torch.is_anomaly_enabled, torch.set_anomaly_enabled
    yield torch.get_num_threads, torch.set_num_threads


def _comparable_in_python() -> Iterator[Getter]:
    """Yield a getter for each piece of state of Python and NumPy that is compared, but not restored."""
    yield _thread._count
    yield lambda: [_signal.getsignal(number) for number in _signal.valid_signals()]
    if hasattr(_signal, "getitimer"):
        timers = (_signal.ITIMER_REAL, _signal.ITIMER_VIRTUAL, _signal.ITIMER_PROF)
        yield lambda: [_signal.getitimer(timer) != (0, 0) for timer in timers]
        yield lambda: _signal.pthread_sigmask(_signal.SIG_BLOCK, ())
    yield lambda: [(status.st_dev, status.st_ino) for status in map(os.fstat, range(3))]
    yield lambda: [stream.closed for stream in (sys.stdin, sys.stdout, sys.stderr)]
    # Files that a function leaves behind can fill the scratch folder.
    yield lambda: sorted(os.listdir())
    yield _umask
    yield lambda: _locale.setlocale(_locale.LC_ALL)
    yield lambda: [*sys.meta_path, *sys.path_hooks]
    yield lambda: (sys.excepthook, sys.displayhook, sys.unraisablehook, threading.excepthook)
    yield lambda: (threading.gettrace(), threading.getprofile(), sys.getswitchinterval())
    yield np.get_printoptions
    yield np.geterrcall
    # In the processor's flush-to-zero mode, the smallest numbers count as zero.
    tiny = 5e-324
    yield lambda: bool(tiny)


def _umask() -> int:
    mask = os.umask(0o77)
    os.umask(mask)
    return mask


def _comparable_in_torch(torch: Any) -> Iterator[Getter]:
    """Yield a getter for each piece of state of torch that is compared, but not restored."""
    core, layers = torch._C, torch.nn.modules.module
    hooks = [
        vars(place)[name]
        for place in (layers, sys.modules.get("torch.optim.optimizer"))
        if place
        for name in vars(place)
        if name.startswith("_global_") and name.endswith("_hooks")
    ]
    yield lambda: [len(hook) for hook in hooks]
    yield lambda: layers._global_is_full_backward_hook
    yield core._len_torch_dispatch_stack
    yield lambda: core._len_torch_function_stack() and torch.get_default_device()
    yield lambda: core._autograd._top_saved_tensors_default_hooks(True)
    yield core._autograd._saved_tensors_hooks_is_enabled
    yield lambda: torch.is_autocast_enabled("cuda")
    yield core._get_deterministic_algorithms_warn_only
    yield torch.is_anomaly_check_nan_enabled
    yield core._get_float32_matmul_precision
    yield lambda: (core._get_mkldnn_enabled(), core._get_cudnn_enabled())
    yield lambda: dict(vars(torch._tensor_str.PRINT_OPTS))


def _mentioned(code: types.CodeType) -> set[str]:
    """Return the names and strings in a code object and in all functions inside it."""
    mentioned = {*code.co_names}
    for constant in code.co_consts:
        if isinstance(constant, str):
            mentioned.add(constant)
        elif isinstance(constant, types.CodeType):
            mentioned |= _mentioned(constant)
    return mentioned


def _watched(module: types.ModuleType, mentioned: set[str]) -> Iterator[tuple[Any, str, Any]]:
    """Yield namespaces of packages and classes, each with one of its names and the value of that name.

    A module that replaces one of torch's functions has to mention its name somewhere, so only mentioned names are
    watched. Comparing everything in torch would copy much of the memory that the worker shares with the zygote.
    """
    imported = [sys.modules[name] for name in mentioned & sys.modules.keys()]
    places: list[Any] = [builtins, *filter(_is_namespace, [*imported, *vars(module).values()])]
    seen = {id(module)}
    while places:
        place = places.pop()
        is_own_class = isinstance(place, type) and place.__module__ == module.__name__
        if is_own_class or id(place) in seen:
            continue
        seen.add(id(place))
        names = vars(place)
        for name in mentioned & names.keys():
            value = names[name]
            yield names, name, value
            if _is_namespace(value):
                places.append(value)


def _is_namespace(value: Any) -> bool:
    return isinstance(value, (types.ModuleType, type))
