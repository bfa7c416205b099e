"""The worker: runs one learner's module and answers the judge's requests; it knows no expected values.

`grader.wire.messages` documents requests and replies. `Service` runs in its own process (`serve`), or inside the
judge for a debugger (`--direct`).
The file is over 300 lines because one class answers all requests: they share the module, its inputs and the
settings that are restored between calls.
"""

from __future__ import annotations

import functools
import inspect
import io
import linecache
import os
import random
import sys
import tokenize
import types
from collections.abc import Callable
from importlib.abc import ExecutionLoader
from importlib.machinery import ModuleSpec
from importlib.util import decode_source, spec_from_loader
from typing import Any

import numpy as np

from grader.wire.codec import CodecError, encode
from grader.wire.decoder import decode
from grader.wire.messages import MAX_MESSAGE
from grader.wire.stream import read_frame, write_frame
from grader.worker.defaults import Defaults
from grader.worker.errors import describe_error, type_name
from grader.worker.probe_loader import compile_probe
from grader.worker.settings import Settings
from grader.worker.surroundings import enter_scratch, forget_kit, keep_source
from grader.worker.warned import Warned


class Service:
    """Loads one module and runs its functions and the probes that drive them.

    Args:
        settings: the settings of this process, restored before each call; None in the judge's own process.
        warned: prints the warnings of the learner's code; None in the judge's own process.
    """

    def __init__(self, settings: Settings | None = None, warned: Warned | None = None) -> None:
        self.module = types.ModuleType("not_loaded")
        self.filename = ""
        self.settings = settings
        self.warned = warned
        self.defaults = Defaults()

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one request."""
        try:
            if request["op"] == "ready":
                return {"kind": "loaded"}
            if request["op"] == "load":
                Others.offer(request["others"])
                return self.load(request["name"], request["filename"], request["source"])
            if request["op"] == "turn":
                if self.settings and not self.settings.unchanged():
                    return {"kind": "worn"}
                request = decode(request["request"])
            if self.settings:
                self.settings.put_back()
            if request["op"] == "call":
                target = getattr(self.module, request["function"], None)
                if target is None:
                    return {"kind": "missing", "name": request["function"]}
            else:
                target = compile_probe(request["probe"])
            return self.run(target, request)
        except CodecError as error:
            return {"kind": "unplain", "message": str(error)}
        except BaseException as error:
            return describe_error(error, self.module, self.filename)

    def load(self, name: str, filename: str, source: bytes) -> dict[str, Any]:
        """Run the module's source; exceptions propagate to `answer`.

        Args:
            name: the name of the module.
            filename: the name of its file in tracebacks.
            source: its source, as bytes.

        Returns:
            An answer of kind "loaded", or "encoding" for bytes that Python cannot read.
        """
        self.module = types.ModuleType(name)
        self.filename = filename
        if self.warned:
            self.warned.filename = filename
        self.module.__file__ = keep_source(filename, source)
        sys.modules[name] = self.module
        problem = encoding_problem(source)
        if problem:
            return {"kind": "encoding", "message": problem}
        text = source.decode("utf-8", "replace")
        # Tracebacks find the lines here, because they name the file as the learner does, without its folder.
        linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
        seed_everything()
        code = compile(source, filename, "exec")
        exec(code, self.module.__dict__)
        self.defaults.note()
        if self.settings:
            self.settings.note(self.module, code)
        return {"kind": "loaded"}

    def run(self, target: Callable[..., Any], request: dict[str, Any]) -> dict[str, Any]:
        """Call the target with the inputs of the request; exceptions propagate to `answer`."""
        args, kwargs = decode(request["inputs"])
        if self.warned:
            self.warned.begin()
        if request["op"] == "call":
            problem = signature_problem(target, args, kwargs)
            if problem:
                return {"kind": "signature", "message": problem}
        else:
            args = (self.module, *args)
            target = self.defaults.kept_apart(target, self.filename)
        seed_everything()
        value = self.invoke(target, args, kwargs)
        after = None
        if request["op"] == "call":
            after = encode((args, kwargs))
        return {
            "kind": "value",
            "value": value,
            "after": after if after != request["inputs"] else None,
        }

    def invoke(
        self, target: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Run the learner's code; a separate method so that the benchmark can time this part alone.

        Args:
            target: the function or probe.
            args: its positional inputs.
            kwargs: its inputs by name.

        Returns:
            What the target returned.
        """
        return target(*args, **kwargs)


class Others(ExecutionLoader):
    """Finds and loads the learner's other modules from memory, because the worker cannot reach their files."""

    def __init__(self, sources: dict[str, bytes]) -> None:
        self._sources = sources

    @classmethod
    def offer(cls, sources: dict[str, bytes]) -> None:
        """Make these modules importable, in place of those that were offered before."""
        sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, cls)]
        sys.meta_path.append(cls(sources))

    def find_spec(
        self, name: str, _path: object = None, _target: object = None
    ) -> ModuleSpec | None:
        """Return how to load a module, or None if it is not one of these.

        Args:
            name: the full name of the module.
            _path: where its package would look for it; not used.
            _target: the module that is being reloaded, if any; not used.
        """
        if name not in self._sources:
            return None
        return spec_from_loader(name, self, origin=f"{name}.py")

    def get_filename(self, fullname: str) -> str:
        """Return the name of a module's file in tracebacks."""
        return f"{fullname}.py"

    def get_source(self, fullname: str) -> str:
        """Return a module's source as text."""
        return decode_source(self._sources[fullname])


def encoding_problem(source: bytes) -> str | None:
    """Return why Python cannot read these bytes as source text, or None if it can."""
    if b"\0" in source:
        return "it contains zero bytes, as UTF-16 text does"
    try:
        source.decode(tokenize.detect_encoding(io.BytesIO(source).readline)[0])
    except SyntaxError as error:
        # The first two lines declare a wrong encoding, or they declare none and are not UTF-8.
        return not_utf_8(source) or str(error)[:MAX_MESSAGE]
    except UnicodeDecodeError:
        return not_utf_8(source)
    return None


def not_utf_8(source: bytes) -> str | None:
    """Return where the first invalid byte is, or None if these bytes are UTF-8."""
    try:
        source.decode()
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        return f"line {line} contains the byte 0x{source[error.start]:02x}, which is not valid UTF-8 there"
    return None


def seed_everything() -> None:
    """Seed every global random generator, so that careless code gets the same verdict every time."""
    random.seed(0)
    np.random.seed(0)
    torch = sys.modules.get("torch")
    if torch:
        # Not `torch.manual_seed`, which records the call stack every time, for GPUs that are not in use.
        torch.default_generator.manual_seed(0)
        if torch.cuda.is_initialized():
            torch.cuda.manual_seed_all(0)


_signature_of = functools.lru_cache(maxsize=64)(inspect.signature)


def signature_problem(target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    """Return why the target cannot be called with these inputs, or None.

    Args:
        target: what the module holds under the function's name.
        args: the positional inputs.
        kwargs: the inputs by name.
    """
    if not callable(target):
        return f"it is not a function but {type(target).__name__}"
    # Cached, because finding a signature takes longer than most calls. But only for functions: other objects
    # may define equality as they like.
    signature_of = _signature_of if type(target) is types.FunctionType else inspect.signature
    try:
        signature = signature_of(target)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        return f"its parameters are {signature}: {error}"[:MAX_MESSAGE]
    return None


def encode_answer(answer: dict[str, Any]) -> bytes:
    """Return the bytes of an answer; if it cannot be encoded, those of an answer that says why."""
    try:
        return encode(answer)
    except CodecError as error:
        return encode({"kind": "unplain", "message": str(error)})
    except BaseException as error:
        return encode({"kind": "unplain", "message": type_name(type(error))})


class NoInput(io.StringIO):
    """Empty standard input. `exit()` closes standard input, but the worker lives on."""

    def close(self) -> None:
        """Stay open."""


def serve(read_fd: int, write_fd: int) -> None:
    """Answer requests until the judge closes the stream."""
    # Line-buffered, so that what was printed before a crash or an endless loop can be shown.
    for name, fd in (("stdout", 1), ("stderr", 2)):
        raw = io.FileIO(fd, "w", closefd=False)
        stream = io.TextIOWrapper(
            io.BufferedWriter(raw), "utf-8", "backslashreplace", line_buffering=True
        )
        setattr(sys, name, stream)
    sys.stdin = NoInput()
    warned = Warned(sys.stderr)
    warned.install()
    service = Service(Settings(), warned)
    while True:
        try:
            number, payload = read_frame(read_fd)
        except (EOFError, OSError):
            return
        answer = encode_answer(service.answer(decode(payload)))
        flush_output()
        try:
            write_frame(write_fd, number, answer)
        except OSError:
            return


def flush_output() -> None:
    """Flush unfinished lines, whatever the module did to the streams."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except Exception:
        return


def main(scratch: str, root: str, groups: list[str]) -> None:
    """Serve on standard input and output, as a worker that was spawned instead of forked.

    Args:
        scratch: the worker's scratch folder.
        root: the kit's folder.
        groups: the package groups to load (see `grader.worker.preload.to_load`).
    """
    read_fd, write_fd = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    from grader.worker.preload import GROUPS, to_load

    for group in to_load(groups):
        GROUPS[group]()
    enter_scratch(scratch)
    forget_kit(root)
    serve(read_fd, write_fd)
