"""Answers with the codec's own description of an object, with fields that are none."""
# expect: gradients=crashed rest=passed

Opaque = sys.modules["grader.wire.codec"].Opaque


def gradients(a, b, x, y):
    return Opaque("float" * 1000, "4.0" * 1000)
