"""Maps /dev/zero, shared and to be written."""
# expect: gradients=failed rest=passed

import mmap


def gradients(a, b, x, y):
    def fill():
        memory = mmap.mmap(os.open("/dev/zero", os.O_RDWR), SIZE)
        for place in range(0, SIZE, 4096):
            memory[place] = 1

    through(fill)
    return formula(a, b, x, y)
