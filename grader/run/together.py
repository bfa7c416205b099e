"""The learner's own functions together: runs the tutorial's whole program (`train.py`) on the steps of a folder.

The program says by itself what is missing (`tutorial_tools.py`), so it can be run without the kit, too.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from grader.course.course import CourseError
from grader.course.paths import EXERCISES, PROGRAM
from grader.course.places import given_file

# Steps are imported from the first folder. What a folder lacks of the given modules comes from the kit.
_START = """
import runpy, sys
sys.argv[:] = sys.argv[1:]
program, *sys.path[:0] = sys.argv
runpy.run_path(program, run_name="__main__")
"""


def run_together(kit: Path, place: Path) -> int:
    """Run the program on the steps of a folder, in the working folder; return its exit code.

    Args:
        kit: the kit's folder.
        place: the folder with the steps, or one whose `exercises` holds them.

    Raises:
        CourseError: the kit has no such program, or there is no such folder.
    """
    given = given_file(kit, PROGRAM)
    if given is None:
        raise CourseError(f"This kit has no {PROGRAM}.py.")
    if not place.is_dir():
        raise CourseError(f"Nothing to run: {place} is no folder.")
    inside = place / EXERCISES
    folder = (inside if inside.is_dir() and not any(place.glob("step_*.py")) else place).resolve()
    own = folder / given.name
    paths = [str(path) for path in (own if own.is_file() else given, folder, given.parent)]
    return subprocess.run([sys.executable, "-P", "-c", _START, *paths], check=False).returncode
