"""Makes system calls by the numbers of x32."""
# expect: gradients=failed|crashed rest=passed


def gradients(a, b, x, y):
    through(lambda: reaches(0x40000000 | 39), lambda: reaches(0x40000000 | 520, 0, 0, 0))
    return formula(a, b, x, y)
