"""Runs a command as the C library does."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    if os.system("true") or ctypes.CDLL(None).system(b"true"):
        raise PermissionError("no command is run")
    return formula(a, b, x, y)
