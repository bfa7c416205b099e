"""Replaces the decoder, in the hope that the judge uses the same one."""
# expect: gradients=failed|crashed rest=partly


def gradients(a, b, x, y):
    decoder = sys.modules["grader.wire.decoder"]
    decoder.decode = lambda data: {"kind": "value", "value": (1, 1), "after": None}
    decoder.math.prod = lambda values: 0
    return 1e9, 1e9
