"""Skips the test as pytest does."""
# expect: gradients=failed|timeout rest=passed

import pytest


def gradients(a, b, x, y):
    pytest.skip("passed")
