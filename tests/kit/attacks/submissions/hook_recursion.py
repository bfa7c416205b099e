"""Leaves the worker hardly any depth of calls."""
# expect: gradients=failed|timeout rest=partly


def gradients(a, b, x, y):
    depth, frame = 0, sys._getframe()
    while frame:
        depth, frame = depth + 1, frame.f_back
    sys.setrecursionlimit(depth + 12)
    return [[[[[[[[[[[[[[0.0]]]]]]]]]]]]]]
