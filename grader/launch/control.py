"""Control: how a zygote is asked for something; what there is to ask stands in `zygote.py`."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from typing import Any


def ask(
    control: socket.socket, request: dict[str, Any], descriptors: Iterable[int] = ()
) -> dict[str, Any]:
    """Send one request with descriptors, and return the answer.

    Raises:
        OSError: there is no answer; a ConnectionError if whoever should give it has ended.
    """
    socket.send_fds(control, [json.dumps(request).encode()], list(descriptors))
    answer = control.recv(1 << 16)
    if not answer:
        raise ConnectionError("it has ended")
    result: dict[str, Any] = json.loads(answer)
    return result
