"""Maps /dev/zero, shared and to be written."""
# expect: gradients=failed|timeout rest=passed

import mmap


@once
def gradients(a, b, x, y):
    def fill():
        memory = mmap.mmap(os.open("/dev/zero", os.O_RDWR), SIZE)
        ctypes.memset(ctypes.addressof(ctypes.c_char.from_buffer(memory)), 1, SIZE)

    through(fill)
    return formula(a, b, x, y)
