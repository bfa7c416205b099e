"""Runs the learner's code in the judge's own process, so that a debugger can step into it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from grader.launch.connection import Connection, PlainLauncher
from grader.wire.decoder import decode


class DirectLauncher(PlainLauncher):
    """Runs the learner's code in this process, so that a debugger can step into it; without any limits."""

    in_process = True

    def start(self, _groups: list[str], /) -> Connection:
        """Return a connection that needs no process."""
        return DirectConnection()


class DirectConnection:
    """The worker's service, called in this process."""

    def __init__(self) -> None:
        from grader.worker.service import Service, encode_answer

        self._service = Service()
        self._encode = encode_answer

    def request(self, payload: bytes, _deadline: float, _grace: object = None, /) -> bytes:
        """Return the reply; there is no deadline while somebody uses a debugger."""
        return self._encode(self._service.answer(decode(payload)))

    def series(
        self,
        exchanges: Iterable[tuple[bytes, bytes]],
        deadline: float,
        _grace: object = None,
        /,
    ) -> Iterator[bytes]:
        """Yield the replies to requests, one after the other."""
        return (self.request(payload, deadline) for payload, _ in exchanges)

    def waited(self) -> float:
        """Return 0.0: there is no deadline to extend."""
        return 0.0

    def end(self) -> str:
        """Do nothing, because there is no process to end."""
        return ""

    def printed(self) -> tuple[str, int]:
        """Return nothing, because output goes straight to the terminal."""
        return "", 0
