"""Lets an alarm change its answers in the middle of the tests."""
# expect: gradients=partly rest=passed

import signal


def late(*a):
    global formula
    formula = lambda *a: (0.0, 0.0)  # noqa: E731


signal.signal(signal.SIGALRM, late)


def gradients(a, b, x, y):
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    answer, end = formula(a, b, x, y), sum(range(2_000_000))
    return answer if end else None
