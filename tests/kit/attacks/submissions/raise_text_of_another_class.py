"""Raises an exception whose text is a text of a hostile class."""
# expect: gradients=crashed|failed rest=passed


class Text(str):
    def __getitem__(self, key):
        return [1, 2, 3]

    def __len__(self):
        return -1


class Bad(Exception):
    def __str__(self):
        return Text("4.0")


def gradients(a, b, x, y):
    raise Bad
