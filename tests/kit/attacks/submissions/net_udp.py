"""Sends a datagram, and asks for the address of a name."""
# expect: gradients=failed rest=passed

import socket


def gradients(a, b, x, y):
    through(
        lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"secret", ("127.0.0.1", PORT)),
        lambda: socket.getaddrinfo("localhost", 80),
    )
    return formula(a, b, x, y)
