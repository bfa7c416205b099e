"""Answers with the codec's own description of an object."""
# expect: gradients=failed rest=passed

Opaque = sys.modules["grader.wire.codec"].Opaque


def gradients(a, b, x, y):
    return Opaque("float", "4.0"), Opaque("\x1b[31m" * 60, "12.0" * 90)
