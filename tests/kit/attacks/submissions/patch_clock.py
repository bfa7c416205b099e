"""Stops every clock that it can reach, then never ends."""
# expect: gradients=timeout rest=passed

import signal
import time

time.monotonic = time.perf_counter = time.time = lambda: 0.0
signal.setitimer(signal.ITIMER_REAL, 0)


def gradients(a, b, x, y):
    while True:
        pass
