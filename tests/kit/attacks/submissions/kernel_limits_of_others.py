"""Asks for and changes the limits of the zygote."""
# expect: gradients=failed rest=passed

import resource


def gradients(a, b, x, y):
    limits = struct.pack("<QQ", 1 << 20, 1 << 20)
    through(lambda: reaches(302, os.getppid(), resource.RLIMIT_CORE, limits, 0))
    return formula(a, b, x, y)
