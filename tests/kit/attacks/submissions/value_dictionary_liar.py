"""Answers with a dictionary that yields the same key again and again."""
# expect: gradients=crashed rest=passed


class Dictionary(dict):
    __len__ = lambda self: 3  # noqa: E731
    items = lambda self: [("kind", "value")] * 3  # noqa: E731


def gradients(a, b, x, y):
    return Dictionary(kind=1)
