"""Says to pytest that the failure is expected."""
# expect: gradients=failed|timeout rest=passed

import pytest


def gradients(a, b, x, y):
    pytest.xfail("passed")
