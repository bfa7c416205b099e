"""Answers with an object whose text is 100 MB long."""
# expect: gradients=failed|timeout rest=passed


class Long:
    def __repr__(self):
        return "4.0" * (35 << 20)


def gradients(a, b, x, y):
    return Long(), Long()
