"""Skips the test as unittest does."""
# expect: gradients=failed rest=passed

import unittest


def gradients(a, b, x, y):
    raise unittest.SkipTest("passed")
