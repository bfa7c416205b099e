"""`make setup`: check the version of Python, create `.venv`, and install the lock file.

This script is run by whatever `python3` is. It needs no packages and is valid in every Python since 3.6, so that
an old Python gives a clear message and not a syntax error.
"""

import os
import subprocess
import sys

# pyproject.toml, README.md, Makefile and requirements.lock say the same.
OLDEST, NEWEST = (3, 11), (3, 14)
VENV = ".venv"
# Isolated mode, so that a learner's `random.py` in the working folder is not imported.
ISOLATED = "-I"


def version_problem(version: "tuple[int, ...]", other: str = "") -> str:
    """Return why a version of Python is not suitable and what to do about it, as sentences, or "".

    Args:
        version: major and minor version.
        other: the name of a suitable Python on this machine, or "".
    """
    if OLDEST <= version <= NEWEST:
        return ""
    oldest, newest, this = (".".join(map(str, numbers)) for numbers in (OLDEST, NEWEST, version))
    problem = f"This kit needs Python {oldest} to {newest}, but this is Python {this}."
    if other:
        return f"{problem} This machine has {other}: make setup PYTHON={other}"
    return f"{problem} Install one of these and name it, for example: make setup PYTHON=python3.12"


def runs(*command: str) -> bool:
    """Return whether a command can be started and succeeds."""
    try:
        devnull = subprocess.DEVNULL
        return subprocess.call(command, stdout=devnull, stderr=devnull) == 0
    except OSError:
        return False


def fits(python: str) -> bool:
    """Return whether this command is a suitable Python with pip."""
    code = f"import sys, pip; sys.exit(not {OLDEST} <= sys.version_info[:2] <= {NEWEST})"
    return runs(python, ISOLATED, "-c", code)


def fitting_python() -> str:
    """Return the name of the newest suitable Python on this machine, or ""."""
    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    return next((name for name in names if runs(name, ISOLATED, "-c", "import venv")), "")


def make_environment() -> str:
    """Create an empty environment; return why that is not possible, or ""."""
    version = tuple(sys.version_info[:2])
    if version_problem(version):
        return version_problem(version, fitting_python())
    if os.pathsep in os.getcwd():
        return (
            f'The path of this folder contains "{os.pathsep}", and Python cannot create an environment in '
            "such a folder. Rename the folder."
        )
    print(
        f"Setting up {VENV} with the versions in requirements.lock. This takes a few minutes, once."
    )
    if os.path.islink(VENV):
        # Remove the link only; the environment behind it belongs to somebody else.
        os.unlink(VENV)
    # --clear, because venv would reuse what an earlier Python left, even a link to one that no longer exists.
    command = [sys.executable, ISOLATED, "-m", "venv", "--clear", VENV]
    return f"{VENV} could not be created: see above." if subprocess.call(command) else ""


def main() -> str:
    """Create the environment if necessary, and install the packages; return what went wrong, or ""."""
    os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    folder = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    python = os.path.join(VENV, *folder)
    # A working environment is kept, so that a changed lock file does not mean installing torch again.
    problem = "" if fits(python) else make_environment()
    if problem:
        return problem
    install = ["install", "--quiet", "--disable-pip-version-check", "-r", "requirements.lock"]
    if subprocess.call([python, ISOLATED, "-m", "pip", *install]):
        return "The packages could not be installed: see above. To try again: make setup"
    return ""


if __name__ == "__main__":
    sys.exit(main() or 0)
