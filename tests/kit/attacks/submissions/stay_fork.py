"""Leaves a process of a session of its own behind."""
# expect: gradients=failed rest=passed

import time


def gradients(a, b, x, y):
    if through(os.fork) == 0:
        os.setsid()
        time.sleep(5)
        os._exit(0)
    return formula(a, b, x, y)
