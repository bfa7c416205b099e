"""Starts hundreds of threads."""
# expect: gradients=failed|timeout rest=passed

import threading
import time


@once
def gradients(a, b, x, y):
    threading.stack_size(1 << 16)
    for _ in range(300):
        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
    return formula(a, b, x, y)
