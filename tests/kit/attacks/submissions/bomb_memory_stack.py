"""Asks for memory that grows downwards, as a stack does: limits on data do not count it."""
# expect: gradients=failed|timeout rest=passed

import mmap


@once
def gradients(a, b, x, y):
    def fill():
        memory = mmap.mmap(-1, SIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x100)
        ctypes.memset(ctypes.addressof(ctypes.c_char.from_buffer(memory)), 1, SIZE)

    through(fill)
    return formula(a, b, x, y)
