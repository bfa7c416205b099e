"""Finds which other modules a step may import, so that its worker gets them as well.

These are the learner's own steps, and the tutorial's points. The points come from the kit, whatever a submission
has under that name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from grader.course.course import CourseError
from grader.course.paths import TUTORIAL_DATA
from grader.course.places import given_file, own_kit

_MENTIONED = re.compile(rb"\b(?:step_\d\d_\w+|%s\b)" % TUTORIAL_DATA.encode())


def imported(sources: Mapping[str, bytes], module: str) -> dict[str, bytes]:
    """Return the other modules that a module may import, directly or through others, by name.

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
            if name == TUTORIAL_DATA:
                imports |= _tutorial_data()
            elif name in sources and name not in (module, *imports):
                imports[name] = sources[name]
                waiting.append(name)
    return imports


@cache
def _tutorial_data() -> dict[str, bytes]:
    try:
        file = given_file(own_kit(), TUTORIAL_DATA)
    except CourseError:
        return {}
    return {TUTORIAL_DATA: file.read_bytes()} if file else {}
