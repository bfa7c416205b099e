"""Stops itself, so that nobody hears of it again."""
# expect: gradients=failed|timeout rest=passed

import signal


def gradients(a, b, x, y):
    os.kill(os.getpid(), signal.SIGSTOP)
