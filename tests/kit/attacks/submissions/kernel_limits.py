"""Raises its limits, or those of the zygote."""
# expect: gradients=failed rest=passed

import resource


def gradients(a, b, x, y):
    for kind in (resource.RLIMIT_DATA, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE):
        through(lambda kind=kind: resource.setrlimit(kind, resource.getrlimit(kind)))
    return formula(a, b, x, y)
