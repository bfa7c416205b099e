"""Opens devices and the kernel's own files for writing."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    names = (
        "/dev/zero",
        "/dev/full",
        "/dev/tty",
        "/dev/kmsg",
        "/dev/ptmx",
        "/proc/self/oom_score_adj",
    )
    through(*(lambda name=name: os.open(name, os.O_RDWR) for name in names))
    return formula(a, b, x, y)
