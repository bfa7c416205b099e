"""Makes a process with the system calls themselves."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    SIGCHLD, CLONE_VM, CLONE_VFORK = 17, 0x100, 0x4000
    child = through(
        lambda: reaches(56, SIGCHLD, 0, 0, 0, 0),
        lambda: reaches(57),
        lambda: reaches(
            435, ctypes.create_string_buffer(struct.pack("<4Q", 0, 0, 0, 0) + bytes(56)), 88
        ),
    )
    if child == 0:
        os._exit(0)
    return formula(a, b, x, y)
