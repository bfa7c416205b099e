"""Opens a server itself."""
# expect: gradients=failed rest=passed

import socket


def gradients(a, b, x, y):
    through(lambda: socket.create_server(("127.0.0.1", 0)))
    return formula(a, b, x, y)
