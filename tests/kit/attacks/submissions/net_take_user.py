"""Takes all users away that later workers would get, by the names that hold them."""
# expect: gradients=failed rest=passed

import socket


def gradients(a, b, x, y):
    holders = []
    for uid in range(61_500, 61_600):
        holders.append(socket.socket(socket.AF_UNIX))
        holders[-1].bind(f"\0torchsteps-uid-{uid}")
    return formula(a, b, x, y)
