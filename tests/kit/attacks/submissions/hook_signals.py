"""Ignores every signal that it may, then never ends."""
# expect: gradients=timeout rest=passed

import signal

for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    through(lambda number=number: signal.signal(number, signal.SIG_IGN), lambda: None)


def gradients(a, b, x, y):
    while True:
        pass
