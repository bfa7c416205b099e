"""Reserves so much address space that the tables for it alone would fill the memory."""
# expect: gradients=failed|timeout rest=passed

import mmap


def gradients(a, b, x, y):
    through(lambda: mmap.mmap(-1, 1 << 40, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ))
    return formula(a, b, x, y)
