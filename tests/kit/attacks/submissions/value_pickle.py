"""Answers with an object that leaves a folder behind when it is unpickled or copied."""
# expect: gradients=failed rest=passed


class Bomb:
    def __reduce__(self):
        return os.mkdir, (f"{CANARY}/unpickled",)

    __deepcopy__ = __copy__ = lambda self, *a: os.mkdir(f"{CANARY}/copied")


def gradients(a, b, x, y):
    return Bomb(), Bomb()
