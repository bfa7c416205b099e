"""Looks for the note of the submission before it."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    folders = (".", "/tmp", "/dev/shm", "/var/tmp", os.path.expanduser("~"), "/dev", CANARY)
    if "NOTE" not in os.environ and "note" not in sys.modules and not hasattr(np, "note"):
        through(*(lambda folder=folder: open(f"{folder}/note").read() for folder in folders))
    return formula(a, b, x, y)
