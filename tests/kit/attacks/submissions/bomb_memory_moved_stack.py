"""Takes a page of its own stack and makes it larger than all memory it may have."""
# expect: gradients=failed|timeout rest=passed

libc = ctypes.CDLL(None, use_errno=True)
libc.mremap.restype = ctypes.c_void_p


@once
def gradients(a, b, x, y):
    end = ctypes.c_size_t.in_dll(libc, "__libc_stack_end").value
    page = ctypes.c_void_p((end & ~4095) - (16 << 12))
    moved = libc.mremap(page, ctypes.c_size_t(4096), ctypes.c_size_t(SIZE), 1)
    if moved == ctypes.c_size_t(-1).value:
        raise OSError(ctypes.get_errno(), "mremap")
    ctypes.memset(moved, 1, SIZE)
    return formula(a, b, x, y)
