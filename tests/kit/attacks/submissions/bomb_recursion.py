"""Lifts the limit on recursion and goes too deep for the stack of C."""
# expect: gradients=crashed|failed rest=passed


def deeper(depth):
    return sorted([0], key=lambda _: deeper(depth + 1))


def gradients(a, b, x, y):
    sys.setrecursionlimit(1 << 30)
    return deeper(0)
