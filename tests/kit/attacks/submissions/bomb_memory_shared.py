"""Asks for shared memory, which limits on data do not count."""
# expect: gradients=failed rest=passed

import mmap


def gradients(a, b, x, y):
    def fill(memory):
        for place in range(0, SIZE, 4096):
            memory[place] = 1

    through(lambda: fill(mmap.mmap(-1, SIZE)))
    return formula(a, b, x, y)
