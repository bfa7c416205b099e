"""Kills the zygote."""
# expect: gradients=failed rest=passed

import signal


def gradients(a, b, x, y):
    if os.getppid() > 1:
        through(lambda: os.kill(os.getppid(), signal.SIGKILL))
    return formula(a, b, x, y)
