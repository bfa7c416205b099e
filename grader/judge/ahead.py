"""Replies that were requested before the test that needs them runs."""

from __future__ import annotations

from collections import deque


class Ahead:
    """Replies to requests that a test is expected to make, in order."""

    def __init__(self) -> None:
        self._replies: deque[tuple[bytes, bytes | BaseException]] = deque()

    def __bool__(self) -> bool:
        return bool(self._replies)

    def add(self, request: bytes, came: bytes | BaseException) -> None:
        """Keep a reply, or the exception that was raised instead."""
        self._replies.append((request, came))

    def follows(self, request: bytes) -> bool:
        """Return whether the next kept reply answers this request."""
        return bool(self._replies) and self._replies[0][0] == request

    def take(self) -> bytes:
        """Remove and return the next reply, or raise the exception kept instead of it."""
        _, came = self._replies.popleft()
        if isinstance(came, BaseException):
            raise came
        return came

    def clear(self) -> None:
        """Forget all replies."""
        self._replies.clear()
