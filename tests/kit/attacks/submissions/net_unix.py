"""Opens sockets by path, by abstract name, to the kernel, and a pair."""
# expect: gradients=failed rest=passed

import socket


def gradients(a, b, x, y):
    through(
        lambda: socket.socket(socket.AF_UNIX).bind("\0torchsteps-attack"),
        lambda: socket.socket(socket.AF_UNIX).bind("socket"),
        lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        lambda: socket.socketpair(),
    )
    return formula(a, b, x, y)
