"""Replaces the built-in functions that a comparison would use."""
# expect: gradients=failed rest=passed

import builtins

builtins.abs = lambda value: 0.0
builtins.all = lambda values: True
builtins.max = lambda *values, **options: 0.0
builtins.AssertionError = SystemExit


def gradients(a, b, x, y):
    return 1e9, 1e9
