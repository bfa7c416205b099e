"""Turns off the collector, freezes everything and gets called at every collection."""
# expect: gradients=failed|timeout rest=passed

import gc

gc.disable()
gc.freeze()
gc.callbacks.append(lambda *a: 1 / 0)
gc.set_debug(gc.DEBUG_SAVEALL)


def gradients(a, b, x, y):
    gc.collect()
    return 0.0, 0.0
