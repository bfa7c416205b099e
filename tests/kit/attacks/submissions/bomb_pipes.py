"""Makes pipes that hold much."""
# expect: gradients=failed|timeout rest=passed

import fcntl


@once
def gradients(a, b, x, y):
    for _ in range(100):
        fcntl.fcntl(os.pipe()[0], 1031, 1 << 20)
    return formula(a, b, x, y)
