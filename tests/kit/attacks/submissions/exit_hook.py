"""Leaves work for the end of the interpreter, which it then asks for."""
# expect: gradients=failed rest=passed

import atexit


def late():
    open(f"{CANARY}/late", "w").close()
    send(asked(), value((4.0, 12.0)))


atexit.register(late)


def gradients(a, b, x, y):
    sys.exit(0)
