"""Reads and writes the memory of the zygote by system call."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: reaches(310, os.getppid(), 0, 0, 0, 0, 0),
        lambda: reaches(311, os.getppid(), 0, 0, 0, 0, 0),
        lambda: reaches(312, os.getpid(), os.getppid(), 0, 0, 0),
    )
    return formula(a, b, x, y)
