"""Opens the system's secrets, without reading them."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(
        lambda: os.open("/etc/shadow", os.O_RDONLY),
        lambda: os.open("/etc/sudoers", os.O_RDONLY),
        lambda: os.open("/dev/mem", os.O_RDONLY),
    )
    return formula(a, b, x, y)
