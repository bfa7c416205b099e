"""`make setup`: find out whether this Python will do, make `.venv`, install the lock file.

Run as a script, by whatever `python3` is. It needs no package, and every Python since 3.6 can read it, so that an
old one gets a sentence and not a syntax error.
"""

import os
import subprocess
import sys

# The same as in pyproject.toml and in README.md.
OLDEST, NEWEST = (3, 11), (3, 14)
VENV = ".venv"
# Isolated: a learner's `random.py` in the working folder is not imported.
ISOLATED = "-I"


def version_problem(version: "tuple[int, ...]", other: str = "") -> str:
    """Return why a version of Python will not do, as sentences with a next step, or "".

    Args:
        version: major and minor number.
        other: the name of another Python on this machine that will do.
    """
    if OLDEST <= version <= NEWEST:
        return ""
    oldest, newest, this = (".".join(map(str, one)) for one in (OLDEST, NEWEST, version))
    problem = f"This kit needs Python {oldest} to {newest}, but this is Python {this}."
    if other:
        return f"{problem} There is a {other} here: make setup PYTHON={other}"
    return (
        f"{problem} Install one of these, then name it, for example: make setup PYTHON=python3.12"
    )


def runs(*command: str) -> bool:
    """Return whether a command can be started and succeeds."""
    try:
        nothing = subprocess.DEVNULL
        return subprocess.call(command, stdout=nothing, stderr=nothing) == 0
    except OSError:
        return False


def fits(python: str) -> bool:
    """Return whether this is a Python that will do and that has pip."""
    code = f"import sys, pip; sys.exit(not {OLDEST} <= sys.version_info[:2] <= {NEWEST})"
    return runs(python, ISOLATED, "-c", code)


def fitting_python() -> str:
    """Return the name of the newest Python on this machine that will do, or ""."""
    names = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    return next((name for name in names if runs(name, ISOLATED, "-c", "import venv")), "")


def make_environment() -> str:
    """Make an empty environment; return why it cannot be made, or ""."""
    version = tuple(sys.version_info[:2])
    if version_problem(version):
        return version_problem(version, fitting_python())
    if os.pathsep in os.getcwd():
        return (
            f'The path of this folder contains "{os.pathsep}", and in such a folder Python cannot make an '
            "environment. Give the folder another name."
        )
    print(
        f"Setting up {VENV} with the versions of requirements.lock. This takes some minutes, once."
    )
    if os.path.islink(VENV):
        # Somebody else's environment is not ours to clear.
        os.unlink(VENV)
    # Cleared: what an earlier Python left there, even a link to one that is gone, would be used again.
    command = [sys.executable, ISOLATED, "-m", "venv", "--clear", VENV]
    return f"{VENV} could not be made: see above." if subprocess.call(command) else ""


def main() -> str:
    """Make the environment if need be, and install the packages; return what went wrong, or ""."""
    os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    folder = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    python = os.path.join(VENV, *folder)
    # An environment that works is kept, so that a new lock file does not cost a new torch.
    problem = "" if fits(python) else make_environment()
    if problem:
        return problem
    install = ["install", "--quiet", "--disable-pip-version-check", "-r", "requirements.lock"]
    if subprocess.call([python, ISOLATED, "-m", "pip", *install]):
        return "The packages could not be installed: see above. To try again: make setup"
    return ""


if __name__ == "__main__":
    sys.exit(main() or 0)
