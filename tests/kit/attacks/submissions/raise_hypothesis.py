"""Says to hypothesis that the example does not count."""
# expect: gradients=failed|timeout rest=passed

from hypothesis.errors import UnsatisfiedAssumption


def gradients(a, b, x, y):
    raise UnsatisfiedAssumption
