"""Starts processes by way of multiprocessing and a pool."""
# expect: gradients=failed|timeout rest=passed

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor


def start(method):
    process = multiprocessing.get_context(method).Process(target=time.sleep, args=(20,))
    process.start()


@once
def gradients(a, b, x, y):
    through(
        lambda: start("fork"),
        lambda: start("spawn"),
        lambda: ProcessPoolExecutor(1).submit(abs, 1).result(),
    )
    return formula(a, b, x, y)
