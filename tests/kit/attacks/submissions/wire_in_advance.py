"""Lets a thread answer the next request before it is made."""
# expect: gradients=failed|crashed numerical_gradients=partly rest=passed

import threading
import time


def gradients(a, b, x, y):
    number = asked() + 1

    def answer():
        time.sleep(0.01)
        send(number, value((0.0, 0.0)))

    threading.Thread(target=answer).start()
    return 0.0, 0.0
