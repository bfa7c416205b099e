"""Makes a symbolic link that whoever tidies up might follow."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    through(lambda: os.symlink(CLASS, "class"), lambda: os.symlink("/", f"{CANARY}/root"))
    return formula(a, b, x, y)
