"""Finds which of a learner's other modules a step may import, so that its worker gets them as well."""

from __future__ import annotations

import re
from collections.abc import Mapping

_MENTIONED = re.compile(rb"\bstep_\d\d_\w+")


def imported(sources: Mapping[str, bytes], module: str) -> dict[str, bytes]:
    """Return the other modules that a module may import, directly or through others.

    A module counts as imported if its name is mentioned. Only workers parse a learner's code.

    Args:
        sources: the bytes of all modules of a submission, by module name.
        module: the name of the module to run.
    """
    imports: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        for mention in _MENTIONED.findall(sources.get(waiting.pop(), b"")):
            name = mention.decode()
            if name in sources and name not in (module, *imports):
                imports[name] = sources[name]
                waiting.append(name)
    return imports
