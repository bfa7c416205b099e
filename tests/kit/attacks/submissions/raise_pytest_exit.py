"""Ends the session as pytest does."""
# expect: gradients=failed|timeout rest=passed

import pytest


def gradients(a, b, x, y):
    pytest.exit("passed", returncode=0)
