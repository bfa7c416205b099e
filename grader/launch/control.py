"""Control: sends a request to a zygote; `zygote.py` lists the requests."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from typing import Any


def ask(
    control: socket.socket, request: dict[str, Any], descriptors: Iterable[int] = ()
) -> dict[str, Any]:
    """Send one request, and return the answer.

    Args:
        control: a control socket of the zygote.
        request: the request, which becomes one JSON object.
        descriptors: open file descriptors that travel with it.

    Raises:
        OSError: there is no answer; a ConnectionError if the zygote has ended.
    """
    socket.send_fds(control, [json.dumps(request).encode()], list(descriptors))
    answer = control.recv(1 << 16)
    if not answer:
        raise ConnectionError("it has ended")
    result: dict[str, Any] = json.loads(answer)
    return result
