"""Takes half a second for each answer, which together is more than there is."""
# expect: gradients=partly rest=passed

import time


def gradients(a, b, x, y):
    time.sleep(0.5)
    return formula(a, b, x, y)
