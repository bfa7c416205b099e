"""Makes namespaces, in which it would be root."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: reaches(272, 0x10000000), lambda: reaches(272, 0x20000), lambda: reaches(308, 0, 0)
    )
    return formula(a, b, x, y)
