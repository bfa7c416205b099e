"""Sends a descriptor over the wire, and changes the wire itself."""
# expect: gradients=failed rest=passed

import socket


def gradients(a, b, x, y):
    sock = socket.socket(fileno=os.dup(wire()))
    through(
        lambda: socket.send_fds(sock, [b"x"], [1]),
        lambda: sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20),
        lambda: sock.getpeername(),
    )
    return formula(a, b, x, y)
