"""Loads slowly, and crashes at each call, so that it has to be loaded again."""
# expect:

import time

time.sleep(0.4)
predict = mse = gradients = numerical_gradients = update = lambda *a, **k: os._exit(0)
