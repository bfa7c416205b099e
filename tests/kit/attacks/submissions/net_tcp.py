"""Connects to a server on the same machine."""
# expect: gradients=failed rest=passed

import socket


@once
def gradients(a, b, x, y):
    through(lambda: socket.create_connection(("127.0.0.1", PORT), 1), lambda: socket.socket())
    return formula(a, b, x, y)
