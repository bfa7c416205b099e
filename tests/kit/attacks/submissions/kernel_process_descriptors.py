"""Takes hold of the zygote by a descriptor, to signal it or to take its descriptors."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: os.pidfd_open(os.getppid()),
        lambda: reaches(438, 0, 0, 0),
        lambda: reaches(424, 0, 0, 0, 0),
    )
    return formula(a, b, x, y)
