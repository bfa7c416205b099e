"""Changes rights, owner, times and attributes, which Landlock does not look at."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    bait = f"{CANARY}/bait"
    through(
        lambda: os.chmod(bait, 0o777),
        lambda: os.chown(bait, os.getuid(), -1),
        lambda: os.utime(bait, (0, 0)),
        lambda: os.setxattr(bait, "user.left", b"1"),
        lambda: os.chmod(".", 0o777),
        lambda: os.fchmod(os.open(".", os.O_RDONLY), 0o777),
    )
    return formula(a, b, x, y)
