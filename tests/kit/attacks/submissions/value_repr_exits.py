"""Answers with an object that ends the worker when it is shown."""
# expect: gradients=failed rest=passed


class Exit:
    def __repr__(self):
        raise KeyboardInterrupt


def gradients(a, b, x, y):
    return Exit(), Exit()
