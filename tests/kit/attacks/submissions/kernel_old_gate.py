"""Makes a system call through the gate of 32-bit programs, which has other numbers."""
# expect: gradients=crashed|failed rest=passed

import mmap


def gradients(a, b, x, y):
    if os.uname().machine != "x86_64":
        raise PermissionError("there is no such gate")
    code = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 7)
    code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    if ctypes.CFUNCTYPE(ctypes.c_int)(address)() < 0:
        raise PermissionError("the gate is closed")
    return formula(a, b, x, y)
