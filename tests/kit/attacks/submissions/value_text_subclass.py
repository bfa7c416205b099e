"""Answers with text of a class that lies about its bytes."""
# expect: gradients=failed rest=passed


class Text(str):
    def encode(self, *a):
        return b"\0" * 100

    def __repr__(self):
        return "4.0"


def gradients(a, b, x, y):
    return Text("4.0"), Text("12.0")
