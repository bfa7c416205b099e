"""`python grader`, `python -m grader`, and the `torchsteps` command."""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_ROOT = os.path.dirname(_HERE)
# In a clone, grader/ holds no kit (see grader/course/places.py).
_INSTALLED = os.path.isdir(os.path.join(_HERE, "kit"))
_KIT_FAILED = 3


def packages_first() -> None:
    """Put the kit's folder at the end of the import path, and the working folder nowhere.

    Python puts one of them first. A file such as `torch.py` or `random.py` that lies there would be taken for the
    package of this name. An installed kit lies among the packages, whose place on the path is right already.
    """
    unwanted = (_HERE, os.getcwd()) if _INSTALLED else (_HERE, _ROOT, os.getcwd())
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) not in unwanted]
    if not _INSTALLED:
        sys.path.append(_ROOT)


def main() -> None:
    """Run the command line, if this Python has what it needs."""
    from grader.bootstrap import version_problem

    problem = version_problem(tuple(sys.version_info[:2]))
    if not problem:
        try:
            from grader.cli.main import main as run
        except ModuleNotFoundError as error:
            if str(error.name).startswith("grader"):
                raise
            version = ".".join(map(str, sys.version_info[:2]))
            how = "make setup (or: python -m pip install -r requirements.lock)"
            if _INSTALLED:
                how = "python -m pip install torchsteps"
            problem = f"This Python {version} has no package {error.name}. To set the kit up: {how}"
    if problem:
        print(problem, file=sys.stderr)
        sys.exit(_KIT_FAILED)
    run()


if __name__ == "__main__":
    packages_first()
    main()
