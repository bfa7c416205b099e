"""Asks for memory that grows downwards, as a stack does: limits on data do not count it."""
# expect: gradients=failed rest=passed

import mmap


def gradients(a, b, x, y):
    def fill():
        memory = mmap.mmap(-1, SIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x100)
        for place in range(0, SIZE, 4096):
            memory[place] = 1

    through(fill)
    return formula(a, b, x, y)
