"""Sends a datagram."""
# expect: gradients=failed rest=passed

import socket


@once
def gradients(a, b, x, y):
    through(
        lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"secret", ("127.0.0.1", PORT)),
    )
    return formula(a, b, x, y)
