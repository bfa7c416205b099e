"""Imports of one step by another: which of a learner's own modules go to a worker beside the one that it runs."""

from __future__ import annotations

import re
from collections.abc import Mapping

_MENTIONED = re.compile(rb"\bstep_\d\d_\w+")


def imported(sources: Mapping[str, bytes], module: str) -> dict[str, bytes]:
    """Return the other modules that a module may import, directly or through others.

    Nothing is parsed here, since that is the worker's work: to mention a name is enough.

    Args:
        sources: all modules of a submission, by name.
        module: name of the one that is run.
    """
    found: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        for mention in _MENTIONED.findall(sources.get(waiting.pop(), b"")):
            name = mention.decode()
            if name in sources and name not in (module, *found):
                found[name] = sources[name]
                waiting.append(name)
    return found
