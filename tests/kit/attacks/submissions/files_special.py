"""Makes pipes, devices and sockets."""
# expect: gradients=failed rest=passed

import stat


def gradients(a, b, x, y):
    through(
        lambda: os.mkfifo("pipe"),
        lambda: os.mkfifo(f"{CANARY}/pipe"),
        lambda: os.mknod("null", stat.S_IFCHR | 0o666, os.makedev(1, 3)),
        lambda: os.mknod("socket", stat.S_IFSOCK | 0o666),
    )
    return formula(a, b, x, y)
