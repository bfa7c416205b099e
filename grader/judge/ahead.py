"""Replies that were asked for before the test that needs them."""

from __future__ import annotations

from collections import deque


class Ahead:
    """Replies to requests that a test is expected to make, in order."""

    def __init__(self) -> None:
        self._replies: deque[tuple[bytes, bytes | BaseException]] = deque()

    def __bool__(self) -> bool:
        return bool(self._replies)

    def add(self, request: bytes, came: bytes | BaseException) -> None:
        """Keep a reply, or what was raised in its place."""
        self._replies.append((request, came))

    def follows(self, request: bytes) -> bool:
        """Return whether this is the next request that was asked."""
        return bool(self._replies) and self._replies[0][0] == request

    def take(self) -> bytes:
        """Return the next reply, and forget it; raises what came in its place."""
        _, came = self._replies.popleft()
        if isinstance(came, BaseException):
            raise came
        return came

    def clear(self) -> None:
        """Forget all."""
        self._replies.clear()
