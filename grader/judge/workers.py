"""The workers of a step session: starts them on demand, loads the module into them, and ends them."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

from grader.course.course import Step
from grader.course.verdicts import Status
from grader.judge import feedback
from grader.judge.advice import of_file
from grader.judge.budget import Budget
from grader.judge.stop import Stop
from grader.judge.uses import code_of
from grader.launch.launchers import Connection, Launcher
from grader.submissions.imports import imported
from grader.submissions.submission import Submission
from grader.wire import messages
from grader.wire.codec import CodecError
from grader.wire.stream import WireBroken, WireTimeout

# Bounded, because the learner's lines may be of any length.
_IMPORTS_TORCH, _IMPORTS_SKLEARN = (
    re.compile(
        rf"(?:^|[;:])[ \t]*(?:from[ \t]+{name}\b|import[ \t][^\n]{{0,200}}\b{name}\b)".encode(),
        re.M,
    )
    for name in ("torch", "sklearn")
)
_USES_OPTIM = re.compile(rb"\boptim\b")


def packages_for(submission: Submission, step: Step) -> list[str]:
    """Return the package groups for a worker that loads a step's module and those that it imports.

    A step that needs only NumPy gets torch all the same if a module imports it: importing torch in the worker
    would take two seconds of the learner's time. A lesson that only mentions torch is no reason to load it. The
    same holds for scikit-learn, which takes half a second, and for the first optimizer, which takes a whole one.
    """
    sources = submission.sources
    # Only what the code imports counts: a lesson may mention other steps, too.
    names = (step.module, *imported(sources, step.module))
    texts = {name: code_of(sources[name]) for name in names if name in sources}
    code = [texts.get(step.module, b""), *imported(texts, step.module).values()]
    needs_torch = any(_IMPORTS_TORCH.search(one) for one in code)
    packages = [name for name in step.packages if not (name == "numpy" and needs_torch)]
    if "sklearn" not in packages and any(_IMPORTS_SKLEARN.search(one) for one in code):
        packages.append("sklearn")
    uses_optim = needs_torch and any(_USES_OPTIM.search(one) for one in code)
    if uses_optim and "optimizers" not in packages:
        packages.append("optimizers")
    return packages


@dataclass
class Worker:
    """A place for a worker.

    Attributes:
        connection: the connection to the worker; None if none is alive.
        served: the functions whose tests have used it.
        last: the function whose test used it last, or "".
        waited: the seconds it had waited for a processor when that was last read.
    """

    connection: Connection | None = None
    served: set[str] = field(default_factory=set)
    last: str = ""
    waited: float = 0.0

    def waited_since(self) -> float:
        """Return the seconds that it has waited for a processor since that was last read."""
        if self.connection is None:
            return 0.0
        before, self.waited = self.waited, self.connection.waited()
        return self.waited - before


class Workers:
    """A worker for one step of one submission, and a second one for requests to another process.

    Args:
        submission: holds the module that they load.
        step: the step.
        launcher: starts the workers.
        budget: pays for a start that a function made necessary.

    Attributes:
        first: the worker for most requests.
        second: the worker for requests through `Learner.elsewhere`.
        printed: the beginning of what the last call printed, and its full size in bytes.
    """

    def __init__(
        self, submission: Submission, step: Step, launcher: Launcher, budget: Budget
    ) -> None:
        self.first, self.second = Worker(), Worker()
        self.printed = ("", 0)
        self._submission = submission
        self._step = step
        self._launcher = launcher
        self._budget = budget
        self._broken: Stop | None = None

    def connect(self, worker: Worker) -> Connection:
        """Return a connection to a worker that has the module loaded.

        Raises:
            Stop: the module cannot be loaded.
        """
        if self._broken:
            raise self._broken.again()
        if worker.connection is None:
            start = time.monotonic()
            try:
                self._load(worker)
            except Stop as stop:
                # The module would not load a second time either, so all its functions get this verdict.
                self._broken = stop
                self.close()
                raise
            self._budget.pay(time.monotonic() - start)
        assert worker.connection
        return worker.connection

    def shared(self, function: str) -> bool:
        """Return whether tests of other functions have used one of the workers."""
        return bool((self.first.served | self.second.served) - {function})

    def _load(self, worker: Worker) -> None:
        """Start a worker and make it load the module; raises Stop if it cannot."""
        step, submission = self._step, self._submission
        path = step.filename
        source = submission.sources.get(step.module)
        if source is None:
            unclear = step.module in submission.refused or submission.unreadable
            raise Stop(Status.FAILED if unclear else Status.NOT_STARTED, submission.absence(step))
        if not source.strip():
            raise Stop(Status.FAILED, feedback.empty_file(path))
        if why := of_file(source):
            raise Stop(Status.FAILED, feedback.no_module(path, why))
        others = imported(submission.sources, step.module)
        worker.connection = connection = self._launcher.start(packages_for(submission, step))
        # A debugger needs the real path; messages show only the name, so that they are the same everywhere.
        filename = submission.path_of(path) if self._launcher.in_process else path
        request = messages.load(step.module, filename, source, others)
        try:
            # Loading has a time limit of its own, as long as that of a function.
            alone = Budget(step.seconds)
            reply = connection.request(
                request,
                time.monotonic() + step.seconds,
                lambda: alone.give_back("", worker.waited_since()),
            )
            answer = messages.parse(reply, messages.TO_LOAD)
        except WireTimeout:
            self.printed = connection.printed()
            raise Stop(Status.TIMEOUT, feedback.load_timeout(path, step.seconds)) from None
        except (WireBroken, CodecError) as error:
            self.printed = connection.printed()
            how = self.close()
            raise Stop(Status.CRASHED, feedback.load_crash(path, how, error)) from None
        if answer["kind"] == "loaded":
            return
        self.printed = connection.printed()
        status = Status.NOT_STARTED if answer.get("stub") else Status.FAILED
        raise Stop(status, feedback.load_failure(path, answer, source, others))

    def close(self) -> str:
        """End the workers; return how one had ended by itself, as a clause, or "".

        Raises:
            LaunchError: that is unknown, because the process that forked the worker is gone.
        """
        second, first = self.end(self.second), self.end(self.first)
        return second or first

    def end(self, worker: Worker) -> str:
        """End one worker; return how it had ended by itself, as a clause, or ""."""
        connection, worker.connection = worker.connection, None
        worker.served, worker.last = set(), ""
        if connection is None:
            return ""
        how = connection.end()
        self.printed = connection.printed()
        return how
