"""Lists the processes, their command lines and their descriptors."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: os.listdir("/proc"),
        lambda: os.open(f"/proc/{os.getppid()}/cmdline", os.O_RDONLY),
        lambda: os.listdir(f"/proc/{os.getppid()}/fd"),
        lambda: os.listdir("/proc/self/fd"),
        lambda: os.listdir("/proc/1/root"),
    )
    return formula(a, b, x, y)
