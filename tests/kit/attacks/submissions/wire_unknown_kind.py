"""Sends an answer of a kind that does not exist."""
# expect: gradients=crashed rest=passed


def gradients(a, b, x, y):
    send(asked(), {"kind": "passed", "value": True})
    os._exit(0)
