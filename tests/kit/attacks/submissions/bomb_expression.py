"""Matches a regular expression that takes longer than the world is old, without giving up the interpreter."""
# expect: gradients=timeout rest=passed

import re


def gradients(a, b, x, y):
    return re.match("(a+)+$", "a" * 60 + "b")
