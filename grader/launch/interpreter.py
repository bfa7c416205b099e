"""How the kit starts further interpreters, so that nothing of the user's reaches into them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from grader.worker.surroundings import NO_CARDS

ROOT = str(Path(__file__).resolve().parents[2])
# -P keeps the working folder off the import path, so that a learner's `torch.py` or `random.py` does not
# shadow the real module. The kit's folder comes last on the path.
PYTHON = (sys.executable, "-P", "-s", "-c")
# A process that has more threads must not fork. NumPy's OpenBLAS starts one for each processor as it is loaded.
_ONE_IN_NUMPY = {"OPENBLAS_NUM_THREADS": "1"}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"} | _ONE_IN_NUMPY
BOOT = "import sys; sys.path.append({root!r}); from grader.{module} import main; main({args})"


def environment() -> dict[str, str]:
    """Return an environment without any of the judge's variables, except those that Windows needs.

    A fixed hash seed makes sets iterate in the same order in every run. Workers cannot start processes,
    so multiprocessing in joblib (used by scikit-learn) and the torch compiler are switched off. NumPy computes in
    one thread. Torch is told so where it is loaded: with OMP_NUM_THREADS, a learner's `torch.set_num_threads(2)`
    would take a hundred times as long, because each thread waits for the other without letting it run. Graphics
    cards are hidden.
    """
    keep = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    alone = {"JOBLIB_MULTIPROCESSING": "0", "TORCH_COMPILE_DISABLE": "1"}
    return keep | alone | _ONE_IN_NUMPY | NO_CARDS | {"PYTHONHASHSEED": "0"}
