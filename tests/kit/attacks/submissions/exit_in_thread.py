"""Ends the worker from a thread."""
# expect: gradients=crashed rest=passed

import threading


def gradients(a, b, x, y):
    thread = threading.Thread(target=os._exit, args=(0,))
    thread.start()
    thread.join()
