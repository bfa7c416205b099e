"""Makes files in memory."""
# expect: gradients=failed|timeout rest=passed


def gradients(a, b, x, y):
    def fill():
        with open("/dev/shm/bomb", "wb") as file:
            for _ in range(SIZE >> 20):
                file.write(bytes(1 << 20))

    through(lambda: os.memfd_create("bomb"), fill)
    return formula(a, b, x, y)
