"""Settings: what is global to a worker's process, so that one function's calls cannot change another's.

The functions of a module stand alone, but they share a process. So before each call, its settings are what they
were when the import of the module had ended: what the module sets at its top is the learner's choice and stays,
and what a function leaves behind goes. `put_back` does that for what functions are likely to leave, and that costs
little to look at. For all else, `unchanged` says whether the process is still as it was; the judge asks before the
tests of another function begin, and takes a new worker if it is not.

All functions that look at settings are bound before any code of the learner's runs. A hostile module can still
lie about what it left behind, and harms its own other functions by that.
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

Get = Callable[[], Any]
Put = Callable[[Any], Any]


class Settings:
    """The settings of this process; noted once, when the module has been imported."""

    def __init__(self) -> None:
        torch = sys.modules.get("torch")
        self._pairs = [*_of_python(), *(_of_torch(torch) if torch else ())]
        self._marks = [*_marks_of_python(), *(_marks_of_torch(torch) if torch else ())]
        self._kept: list[tuple[Get, Put, Any]] = []
        self._noted: list[tuple[Get, Any]] = []
        self._watched: list[tuple[Any, str, Any]] = []
        self._lost = False

    def note(self, module: types.ModuleType, code: types.CodeType) -> None:
        """Note what the settings are after the import of a module that was made from this code."""
        self._kept = [(get, put, noted) for get, put in self._pairs for noted in _seen(get)]
        self._noted = [(get, noted) for get in self._marks for noted in _seen(get)]
        self._watched = list(_watched(module, _words(code)))

    def put_back(self) -> None:
        """Set again what has changed since then."""
        try:
            for get, put, noted in self._kept:
                if get() != noted:
                    put(noted)
        except Exception:
            self._lost = True

    def unchanged(self) -> bool:
        """Return whether everything is, or has been put back to, what it was then."""
        self.put_back()
        try:
            same = all(get() == noted for get, noted in self._noted)
            named = all(names.get(name) is value for names, name, value in self._watched)
        except Exception:
            return False
        return same and named and not self._lost


def _seen(get: Get) -> list[Any]:
    """Return what there is to see, as a list of one; an empty one where a learner's own object refuses to tell."""
    try:
        return [get()]
    except Exception:
        return []


def _of_python() -> Iterator[tuple[Get, Put]]:
    """Yield how to look at a setting of Python or NumPy, and how to set it."""
    environment: Any = os.environ
    # The variables as they are kept, in bytes: looking at `environ` itself takes ten times as long.
    names = environment._data

    def set_environment(noted: dict[Any, Any]) -> None:
        # Through `environ`, so that the C library hears of it.
        for name in names.keys() - noted.keys():
            del environment[environment.decodekey(name)]
        for name, value in noted.items():
            environment[environment.decodekey(name)] = environment.decodevalue(value)

    reset_warnings = warnings.resetwarnings

    def set_filters(noted: tuple[Any, ...]) -> None:
        reset_warnings()
        filters: Any = warnings.filters
        filters.extend(noted)

    def set_path(noted: tuple[str, ...]) -> None:
        sys.path[:] = noted

    def set_streams(noted: tuple[Any, ...]) -> None:
        sys.stdin, sys.stdout, sys.stderr = noted

    yield lambda: dict(names), set_environment
    yield os.getcwd, os.chdir
    yield lambda: tuple(warnings.filters), set_filters
    yield lambda: tuple(sys.path), set_path
    yield lambda: (sys.stdin, sys.stdout, sys.stderr), set_streams
    yield sys.getrecursionlimit, sys.setrecursionlimit
    yield sys.gettrace, sys.settrace
    yield sys.getprofile, sys.setprofile
    set_errors = np.seterr
    yield np.geterr, lambda noted: set_errors(**noted)


def _of_torch(torch: Any) -> Iterator[tuple[Get, Put]]:
    """Yield how to look at a setting of torch, and how to set it."""
    inference, guards = torch._C._InferenceMode, []

    def set_inference(noted: bool) -> None:
        guard = inference(noted)
        guard.__enter__()
        # It ends with the object.
        guards.append(guard)

    modes, end_mode = torch._C._len_torch_function_stack, torch._C._pop_torch_function_stack
    set_device = torch.set_default_device

    def end_modes(noted: int) -> None:
        if noted:
            raise ValueError("which mode was ended is not known")
        # A default device is a mode, too.
        with contextlib.suppress(Exception):
            set_device(None)
        while modes():
            end_mode()

    autocast, set_autocast = torch.is_autocast_enabled, torch.set_autocast_enabled
    yield torch.is_inference_mode_enabled, set_inference
    # After that of inference, which changes it.
    yield torch.is_grad_enabled, torch._C._set_grad_enabled
    yield torch.get_default_dtype, torch.set_default_dtype
    yield modes, end_modes
    yield lambda: autocast("cpu"), lambda noted: set_autocast("cpu", noted)
    yield torch._C._get_deterministic_algorithms, torch._C._set_deterministic_algorithms
    yield torch.is_anomaly_enabled, torch.set_anomaly_enabled
    yield torch.get_num_threads, torch.set_num_threads


def _marks_of_python() -> Iterator[Get]:
    """Yield how to look at what is not put back in a process."""
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
    # Flushing to zero is a mode of the processor, in which the smallest numbers count as zero.
    tiny = 5e-324
    yield lambda: bool(tiny)


def _umask() -> int:
    mask = os.umask(0o77)
    os.umask(mask)
    return mask


def _marks_of_torch(torch: Any) -> Iterator[Get]:
    """Yield how to look at what is not put back of torch's."""
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


def _words(code: types.CodeType) -> set[str]:
    """Return the names and texts in code and in all functions inside it."""
    words = {*code.co_names}
    for constant in code.co_consts:
        if isinstance(constant, str):
            words.add(constant)
        elif isinstance(constant, types.CodeType):
            words |= _words(constant)
    return words


def _watched(module: types.ModuleType, words: set[str]) -> Iterator[tuple[Any, str, Any]]:
    """Yield namespaces of packages and classes, with a name of each and what it stands for.

    Whoever puts a function of his own in place of one of torch's has to write its name somewhere. So only names
    are looked at that the module mentions: comparing all that torch has would copy a good part of its memory.
    """
    known = [sys.modules[name] for name in words & sys.modules.keys()]
    places: list[Any] = [builtins, *filter(_is_place, [*known, *vars(module).values()])]
    seen = {id(module)}
    while places:
        place = places.pop()
        own = isinstance(place, type) and place.__module__ == module.__name__
        if own or id(place) in seen:
            continue
        seen.add(id(place))
        names = vars(place)
        for name in words & names.keys():
            value = names[name]
            yield names, name, value
            if _is_place(value):
                places.append(value)


def _is_place(value: Any) -> bool:
    return isinstance(value, (types.ModuleType, type))
