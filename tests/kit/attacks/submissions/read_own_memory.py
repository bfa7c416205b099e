"""Goes round all protection of memory through /proc/self/mem."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: os.open("/proc/self/mem", os.O_RDWR),
        lambda: os.open("/proc/self/maps", os.O_RDONLY),
        lambda: os.open("/proc/thread-self/mem", os.O_RDWR),
    )
    return formula(a, b, x, y)
