"""Asks for shared memory, which limits on data do not count."""
# expect: gradients=failed|timeout rest=passed

import mmap


@once
def gradients(a, b, x, y):
    def fill(memory):
        ctypes.memset(ctypes.addressof(ctypes.c_char.from_buffer(memory)), 1, SIZE)

    through(lambda: fill(mmap.mmap(-1, SIZE)))
    return formula(a, b, x, y)
