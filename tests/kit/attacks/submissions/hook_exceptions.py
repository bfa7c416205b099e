"""Takes over what happens with errors nobody catches, then ends a thread and the worker with one."""
# expect: gradients=crashed rest=passed

import threading


def report(*a):
    send(asked(), value((4.0, 12.0)))


sys.excepthook = sys.unraisablehook = threading.excepthook = report


def gradients(a, b, x, y):
    ctypes.pythonapi.PyErr_Print.restype = None
    os.abort()
