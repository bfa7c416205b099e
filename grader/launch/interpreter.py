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
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
BOOT = "import sys; sys.path.append({root!r}); from grader.{module} import main; main({args})"


def environment() -> dict[str, str]:
    """Return an environment without any of the judge's variables, except those that Windows needs.

    A fixed hash seed makes sets iterate in the same order in every run. Workers cannot start processes,
    so multiprocessing in joblib (used by scikit-learn) and the torch compiler are switched off. A worker has one
    processor, so NumPy computes in one thread. A learner may ask torch for two: they let each other run, instead
    of waiting busily, which would take ten times as long. Graphics cards are hidden.
    """
    keep = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    alone = {"JOBLIB_MULTIPROCESSING": "0", "TORCH_COMPILE_DISABLE": "1"}
    one_processor = {"OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    return keep | alone | one_processor | NO_CARDS | {"PYTHONHASHSEED": "0"}
