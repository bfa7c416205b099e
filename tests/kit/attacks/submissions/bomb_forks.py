"""Forks, at most twenty times."""
# expect: gradients=failed|timeout rest=passed

import time


@once
def gradients(a, b, x, y):
    for _ in range(20):
        if through(os.fork) == 0:
            time.sleep(20)
            os._exit(0)
    return formula(a, b, x, y)
