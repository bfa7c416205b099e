"""Leaves a thread behind that writes to its folder for ever; that is allowed, and ends with the worker."""
# expect: rest=passed

import threading
import time


def write():
    while True:
        open("still-here", "w").close()
        time.sleep(0.05)


threading.Thread(target=write, daemon=True).start()
