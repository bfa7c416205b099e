"""Asks for System V memory, semaphores and queues, which outlive a process."""
# expect: gradients=failed|timeout rest=passed


def gradients(a, b, x, y):
    through(
        lambda: reaches(29, 0, 1 << 50, 0o1600),
        lambda: reaches(64, 0, -1, 0o1600),
        lambda: reaches(68, -1, 0),
        lambda: reaches(240, 0, 0, 0, 0),
    )
    return formula(a, b, x, y)
