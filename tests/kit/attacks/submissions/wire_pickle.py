"""Sends a pickle that would run a command."""
# expect: gradients=crashed rest=passed

import pickle


class Bomb:
    def __reduce__(self):
        return os.mkdir, (f"{CANARY}/pickled",)


def gradients(a, b, x, y):
    data = pickle.dumps(Bomb())
    os.write(wire(), struct.pack("<II", len(data), asked()) + data)
    os._exit(0)
