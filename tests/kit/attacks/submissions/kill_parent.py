"""Sends the zygote a signal; one that is ignored, for what is refused is the sending."""
# expect: gradients=failed rest=passed

import signal


def gradients(a, b, x, y):
    if os.getppid() > 1:
        through(lambda: os.kill(os.getppid(), signal.SIGURG))
    return formula(a, b, x, y)
