"""How tests pass: the requests that each makes, and digests of the replies with which it has passed.

A verdict is a pure function of the replies, so a test whose requests are answered in a way that is known here
passes without being run. Many correct solutions differ in the last bits of a number only; without this, the tests
would run on each of them. The replies themselves are not kept: nothing of a learner's reaches another learner.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

# The requests that a test made, each with its reply.
Exchanges = list[tuple[bytes, bytes]]
# One digest for each reply, of this reply and all before it.
Trail = list[bytes]
# Of one test. Where every submission answers otherwise, to know more of them would take memory for nothing.
_MOST = 32


def further(trail: bytes, reply: bytes) -> bytes:
    """Return the digest of one more reply and all before it.

    Args:
        trail: the digest of those before it; b"" if there were none.
        reply: the reply.
    """
    return hashlib.sha256(trail + hashlib.sha256(reply).digest()).digest()


def trail_of(replies: Iterable[bytes]) -> Trail:
    """Return the trail of some replies."""
    trail, last = [], b""
    for reply in replies:
        last = further(last, reply)
        trail.append(last)
    return trail


class Passing:
    """How one test passes.

    Args:
        exchanges: the requests of a run that passed, with their replies.

    Attributes:
        requests: what it asks; other requests are never known.
    """

    def __init__(self, exchanges: Exchanges) -> None:
        self.requests = [request for request, _ in exchanges]
        self._known: set[bytes] = set()
        self._count = 0
        self.add(trail_of(reply for _, reply in exchanges))

    def __contains__(self, trail: bytes) -> bool:
        """Return whether a run that passed began with these replies, and ended with them if they are all."""
        return trail in self._known

    def add(self, trail: Trail) -> None:
        """Remember the trail of another run that passed with the same requests."""
        if len(trail) == len(self.requests) and self._count < _MOST:
            self._known.update(trail)
            self._count += 1

    def new(self, exchanges: Exchanges) -> Trail:
        """Return the trail of a run that passed; an empty one if it made other requests, or is known."""
        trail = self._trail(exchanges)
        return [] if trail and trail[-1] in self else trail

    def like(self, exchanges: Exchanges) -> bool:
        """Return whether a run made these requests and got replies that are known."""
        trail = self._trail(exchanges)
        return bool(trail) and trail[-1] in self

    def _trail(self, exchanges: Exchanges) -> Trail:
        """Return the trail of a run; an empty one if it made other requests."""
        if [request for request, _ in exchanges] != self.requests:
            return []
        return trail_of(reply for _, reply in exchanges)
