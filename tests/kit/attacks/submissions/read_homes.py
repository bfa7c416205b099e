"""Looks into the homes of others."""
# expect: gradients=failed rest=passed


def others_in(folder):
    if set(os.listdir(folder)) <= {os.path.basename(os.getcwd())}:
        raise PermissionError(f"there is nobody else in {folder}")


def gradients(a, b, x, y):
    through(
        lambda: os.listdir("/root"),
        lambda: os.listdir("/home"),
        lambda: os.listdir("/"),
        lambda: others_in("/tmp"),
        lambda: others_in("/var/tmp"),
    )
    return formula(a, b, x, y)
