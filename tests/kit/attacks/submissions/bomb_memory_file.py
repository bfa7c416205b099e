"""Makes files in memory."""
# expect: gradients=failed|timeout rest=passed


def gradients(a, b, x, y):
    through(
        lambda: os.memfd_create("bomb"), lambda: open("/dev/shm/bomb", "wb").write(bytes(1 << 20))
    )
    return formula(a, b, x, y)
