"""Opens a file by its handle, which no path rule sees."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    handle = ctypes.create_string_buffer(struct.pack("<Ii", 8, 1) + bytes(120))
    through(
        lambda: reaches(303, -100, b"/etc/passwd", handle, ctypes.byref(ctypes.c_int()), 0),
        lambda: reaches(304, 0, handle, 0),
    )
    return formula(a, b, x, y)
