"""Pretends that the module has no such function."""
# expect: gradients=failed rest=passed


def gradients(a, b, x, y):
    raise AttributeError("score", name="\x1b[31mscore" * 1000, obj=sys.modules[__name__])
